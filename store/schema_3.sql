-- From version 2 to version 3: views that a search reads less of. Their rows are made anew
-- (VIEW_VERSION).

-- With what facet counts need, beside what version 1 says.
DROP TABLE listing;
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
  ref         BLOB,
  category    TEXT    NOT NULL,
  condition   TEXT    NOT NULL,
  place       TEXT    NOT NULL
) STRICT;
CREATE INDEX listing_price ON listing (price_group, amount, arrival DESC);
CREATE INDEX listing_author ON listing (author, arrival);
CREATE INDEX listing_ref ON listing (ref) WHERE ref IS NOT NULL;

-- With an index of first characters: of one character, and of one letter, every word that begins so
-- had to be merged.
DROP TABLE words;
CREATE VIRTUAL TABLE words USING fts5 (
  title, body, category, place, facet,
  content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '1'
);
