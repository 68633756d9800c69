-- From version 1 to version 2: whose room a record takes (share.py), and whose are kept (contacts.py).

-- The share of strangers that the record's thread belongs to, by who brought it: the same for all
-- records of a thread. -1 where nobody knows. Truth: nothing else in the log tells it.
ALTER TABLE record ADD COLUMN bucket INTEGER NOT NULL DEFAULT -1;

-- Authors whose records strangers cannot displace.
CREATE TABLE kept_author (
  author   BLOB    PRIMARY KEY,
  since_ms INTEGER NOT NULL,
  note     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- View: bytes in the log of each share of strangers, of kept authors (-2) and of one's own (-3).
CREATE TABLE share (
  share INTEGER PRIMARY KEY,
  bytes INTEGER NOT NULL
) STRICT;
