"""A mailbox on an IMAP server: the way in, what its errors mean, its folders and messages."""
