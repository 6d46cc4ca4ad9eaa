"""OAuth 2.0 (RFC 6749): settings of a mailbox in, access tokens for its login out."""
