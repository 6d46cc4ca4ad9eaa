"""Bytes in, values out: mails, containers and XML become reports. No socket, no clock, no settings, no SQL."""
