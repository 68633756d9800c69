"""Keys, phrase, signatures, digests and key files: bytes in, bytes out. Knows no clock, disk or network."""
