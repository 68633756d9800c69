-- The store's tables, version 1. Truth first, then the views that `rebuild.py` makes from it.

-- The log: every record as its author signed it. Rows are added, never changed, and leave only
-- through `forgetting` (see log.py). `arrival` is the rid of the first record of the thread that
-- this node kept: it orders search results and stays through all revisions.
CREATE TABLE record (
  rid        INTEGER PRIMARY KEY,
  arrival    INTEGER NOT NULL,
  id         BLOB    NOT NULL UNIQUE,
  kind       INTEGER NOT NULL,
  author     BLOB    NOT NULL,
  market     TEXT    NOT NULL,
  thread     BLOB    NOT NULL,
  revision   INTEGER NOT NULL,
  is_delete  INTEGER NOT NULL,
  ts_ms      INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  raw        BLOB    NOT NULL
) STRICT;

-- The gate of the log: a row may leave `record` only while its rid stands here.
CREATE TABLE forgetting (rid INTEGER PRIMARY KEY) STRICT;

CREATE TRIGGER record_is_never_changed BEFORE UPDATE ON record BEGIN
  SELECT raise(ABORT, 'the log is append-only: a record is never changed');
END;

CREATE TRIGGER record_is_never_replaced BEFORE INSERT ON record
WHEN EXISTS (SELECT 1 FROM record WHERE rid = new.rid)
  OR EXISTS (SELECT 1 FROM record WHERE id = new.id) BEGIN
  SELECT raise(ABORT, 'the log is append-only: a record is never replaced');
END;

CREATE TRIGGER record_leaves_through_the_gate BEFORE DELETE ON record
WHEN NOT EXISTS (SELECT 1 FROM forgetting WHERE rid = old.rid) BEGIN
  SELECT raise(ABORT, 'the log is append-only: a record leaves through forget() only');
END;

-- Own records that are over but stay in the log: expired, or crowded out. No longer items.
CREATE TABLE retired (rid INTEGER PRIMARY KEY) STRICT;

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE market (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE blocked (author BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE peer (
  peer    TEXT    NOT NULL,
  address TEXT    NOT NULL,
  seen_ms INTEGER NOT NULL,
  PRIMARY KEY (peer, address)
) STRICT, WITHOUT ROWID;

-- A completed reconciliation: `peer` held all of `market` that was current with rid <= arrival.
CREATE TABLE synced (
  market  TEXT    NOT NULL,
  peer    TEXT    NOT NULL,
  arrival INTEGER NOT NULL,
  at_ms   INTEGER NOT NULL,
  PRIMARY KEY (market, peer)
) STRICT, WITHOUT ROWID;

-- One row. `rid_last` never goes back, so that no rid names two records in turn.
CREATE TABLE tally (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  rid_last      INTEGER NOT NULL,
  record_count  INTEGER NOT NULL,
  record_bytes  INTEGER NOT NULL,
  view_version  INTEGER NOT NULL,
  text_rid_last INTEGER NOT NULL
) STRICT;

-- ---- views ------------------------------------------------------------------------------------

-- Each thread's current record. `expires_ms` is null where it is no item: retired, or of a market
-- that was left.
CREATE TABLE thread (
  author     BLOB    NOT NULL,
  market     TEXT    NOT NULL,
  thread     BLOB    NOT NULL,
  rid        INTEGER NOT NULL,
  arrival    INTEGER NOT NULL,
  is_delete  INTEGER NOT NULL,
  revision   INTEGER NOT NULL,
  id         BLOB    NOT NULL,
  ts_ms      INTEGER NOT NULL,
  expires_ms INTEGER,
  PRIMARY KEY (author, market, thread)
) STRICT, WITHOUT ROWID;
CREATE INDEX thread_expires ON thread (expires_ms) WHERE expires_ms IS NOT NULL;

-- Superseded revisions that are still in the log, by their thread's arrival.
CREATE TABLE history (
  arrival INTEGER NOT NULL,
  rid     INTEGER NOT NULL,
  PRIMARY KEY (arrival, rid)
) STRICT, WITHOUT ROWID;

-- The reconciliation set: key = ts_ms (8 bytes, big-endian) || id.
CREATE TABLE item (
  market TEXT    NOT NULL,
  key    BLOB    NOT NULL,
  rid    INTEGER NOT NULL,
  PRIMARY KEY (market, key)
) STRICT, WITHOUT ROWID;

-- Sums over runs of items: the n items from `lo` up to the next chunk's; `sum` is 256 bytes,
-- little-endian.
CREATE TABLE chunk (
  market TEXT    NOT NULL,
  lo     BLOB    NOT NULL,
  n      INTEGER NOT NULL,
  sum    BLOB    NOT NULL,
  PRIMARY KEY (market, lo)
) STRICT, WITHOUT ROWID;

-- Listings that are not withdrawn. `price_group` is '' for a gift, '~' for "ask", else a currency;
-- `ends_ms` is the lesser of `until` and expiry.
CREATE TABLE listing (
  arrival     INTEGER PRIMARY KEY,
  rid         INTEGER NOT NULL,
  listing_id  BLOB    NOT NULL UNIQUE,
  author      BLOB    NOT NULL,
  market      TEXT    NOT NULL,
  status      TEXT    NOT NULL,
  price_group TEXT    NOT NULL,
  amount      INTEGER NOT NULL,
  ends_ms     INTEGER NOT NULL,
  ref         BLOB
) STRICT;
CREATE INDEX listing_price ON listing (price_group, amount, arrival DESC);
CREATE INDEX listing_author ON listing (author, arrival);
CREATE INDEX listing_ref ON listing (ref) WHERE ref IS NOT NULL;

-- Listings that were: the id of the thread and its delete.
CREATE TABLE withdrawal (
  arrival    INTEGER PRIMARY KEY,
  rid        INTEGER NOT NULL,
  listing_id BLOB    NOT NULL UNIQUE
) STRICT;

CREATE TABLE profile (
  author  BLOB    PRIMARY KEY,
  arrival INTEGER NOT NULL,
  name    TEXT    NOT NULL,
  about   TEXT    NOT NULL,
  folded  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Words of listings as segment.py makes them, by arrival. The ascii tokenizer takes every
-- character beyond ASCII as part of a word: unicode61 knows Unicode 6.1 and would drop later ones.
CREATE VIRTUAL TABLE words USING fts5 (
  title, body, category, place, facet,
  content = '', contentless_delete = 1, tokenize = 'ascii'
);
