-- From version 4 to version 5: photos of listings, and the blobs that are here.

-- A view: which listing names which blobs, by its thread's arrival.
CREATE TABLE photo (
  arrival    INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  hash       BLOB    NOT NULL,
  size       INTEGER NOT NULL,
  thumb      BLOB    NOT NULL,
  thumb_size INTEGER NOT NULL,
  PRIMARY KEY (arrival, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX photo_hash ON photo (hash);
CREATE INDEX photo_thumb ON photo (thumb);

-- What is to be fetched; `again_ms` is when, after it was asked for in vain `misses` times. Named by
-- a listing when it came in; whether one still names it is looked at when its turn comes.
CREATE TABLE want (
  hash     BLOB    PRIMARY KEY,
  kind     INTEGER NOT NULL,
  size     INTEGER NOT NULL,
  arrival  INTEGER NOT NULL,
  again_ms INTEGER NOT NULL,
  misses   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX want_newest ON want (kind, arrival);

-- Blobs whose files are complete here. `kind` is 0 for a thumbnail, 1 for a photo.
CREATE TABLE blob (
  hash      BLOB    PRIMARY KEY,
  kind      INTEGER NOT NULL,
  size      INTEGER NOT NULL,
  came_ms   INTEGER NOT NULL,
  looked_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_looked ON blob (kind, looked_ms);
