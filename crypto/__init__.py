"""Keys, phrase, signatures, digests, key files. Bytes in, bytes out: no clock, disk or network."""
