-- From version 3 to version 4: questions, reviews and box keys as views; and what is private: sealed
-- mail, rooms, deals, and what one follows. Nothing of the private part is ever a record.

-- ---- views ------------------------------------------------------------------------------------

-- Questions about listings and answers to them, by their threads' arrivals. `question` is the
-- question's public id in an answer, else empty. Nothing but `listing` is indexed: many come at once.
CREATE TABLE remark (
  arrival   INTEGER PRIMARY KEY,
  rid       INTEGER NOT NULL,
  public_id BLOB    NOT NULL,
  listing   BLOB    NOT NULL,
  question  BLOB    NOT NULL,
  author    BLOB    NOT NULL
) STRICT;
CREATE INDEX remark_listing ON remark (listing);

-- Each author's current box key: what is sealed for them is sealed to it.
CREATE TABLE box (
  author  BLOB    PRIMARY KEY,
  arrival INTEGER NOT NULL,
  suite   INTEGER NOT NULL,
  public  BLOB    NOT NULL,
  ts_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Published reviews, by their threads' arrivals; `deal` is the id of the proof.
CREATE TABLE review (
  arrival INTEGER PRIMARY KEY,
  rid     INTEGER NOT NULL,
  subject BLOB    NOT NULL,
  author  BLOB    NOT NULL,
  deal    BLOB    NOT NULL
) STRICT;
CREATE INDEX review_subject ON review (subject);
CREATE INDEX review_author ON review (author);

DROP TABLE profile;
-- `languages` is a JSON array, or empty.
CREATE TABLE profile (
  author    BLOB    PRIMARY KEY,
  arrival   INTEGER NOT NULL,
  name      TEXT    NOT NULL,
  about     TEXT    NOT NULL,
  folded    TEXT    NOT NULL,
  place     TEXT    NOT NULL,
  languages TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- ---- sealed mail, carried for everybody -------------------------------------------------------

-- `day` is the last day of its life, counted from 1970; `share` who brought it (share.py), -3 where
-- this node wrote it.
CREATE TABLE letter (
  rid   INTEGER PRIMARY KEY AUTOINCREMENT,
  id    BLOB    NOT NULL UNIQUE,
  day   INTEGER NOT NULL,
  share INTEGER NOT NULL,
  size  INTEGER NOT NULL,
  raw   BLOB    NOT NULL
) STRICT;
-- Everything that is asked of letters but their bytes; the first of a share is what goes first.
CREATE INDEX letter_share ON letter (share, day, id, size);

-- Which peers are known to hold a letter of one's own.
CREATE TABLE letter_held (
  id    BLOB    NOT NULL,
  peer  TEXT    NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (id, peer)
) STRICT, WITHOUT ROWID;

-- ---- one's own conversations ------------------------------------------------------------------

-- Box keys of one's own. `secret` is sealed under the author key; `succeeded_ms` is when its
-- successor was published.
CREATE TABLE own_box (
  public       BLOB    PRIMARY KEY,
  suite        INTEGER NOT NULL,
  secret       BLOB    NOT NULL,
  made_ms      INTEGER NOT NULL,
  succeeded_ms INTEGER
) STRICT, WITHOUT ROWID;

-- A talk with a person, about a listing or (empty) about anything. `read_rid` is the last message
-- that was seen; `is_answered` whether one has ever said something there.
CREATE TABLE room (
  id          BLOB    PRIMARY KEY,
  person      BLOB    NOT NULL,
  listing     BLOB    NOT NULL,
  read_rid    INTEGER NOT NULL,
  is_muted    INTEGER NOT NULL,
  is_answered INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX room_person ON room (person);

-- What was said, by either side, as its author signed it. `shown_ms` orders a room.
CREATE TABLE message (
  rid      INTEGER PRIMARY KEY AUTOINCREMENT,
  id       BLOB    NOT NULL UNIQUE,
  room     BLOB    NOT NULL,
  author   BLOB    NOT NULL,
  deal     BLOB,
  shown_ms INTEGER NOT NULL,
  folded   TEXT    NOT NULL,
  raw      BLOB    NOT NULL
) STRICT;
CREATE INDEX message_room ON message (room, rid);
CREATE INDEX message_deal ON message (deal, rid) WHERE deal IS NOT NULL;

-- Messages whose content was deleted here: not to be taken in again.
CREATE TABLE message_gone (id BLOB PRIMARY KEY, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- What is owed to others. `letter` is the sealed form that is under way, `box` the key that it was
-- sealed to; both empty while no key of theirs is known. `raw` is the signed message, whatever
-- becomes of the room.
CREATE TABLE outbox (
  rid          INTEGER PRIMARY KEY AUTOINCREMENT,
  id           BLOB    NOT NULL UNIQUE,
  person       BLOB    NOT NULL,
  is_receipt   INTEGER NOT NULL,
  letter       BLOB    NOT NULL,
  box          BLOB    NOT NULL,
  written_ms   INTEGER NOT NULL,
  sealed_ms    INTEGER NOT NULL,
  ends_ms      INTEGER NOT NULL,
  delivered_ms INTEGER,
  read_ms      INTEGER,
  expired_ms   INTEGER,
  raw          BLOB    NOT NULL
) STRICT;
CREATE INDEX outbox_person ON outbox (person);

-- Deals: whose listing it is (`owner`) and on which side, as it was when the first step was said.
-- What became of them their messages say (deal.py); `state` is the last one that was told. `taken` is
-- how many pieces are off one's own listing for it.
CREATE TABLE deal (
  id         BLOB    PRIMARY KEY,
  room       BLOB    NOT NULL,
  listing    BLOB    NOT NULL,
  owner      BLOB    NOT NULL,
  guest      BLOB    NOT NULL,
  side       TEXT    NOT NULL,
  title      TEXT    NOT NULL,
  state      TEXT    NOT NULL,
  changed_ms INTEGER NOT NULL,
  taken      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX deal_room ON deal (room);

-- Reviews that are written and not yet published, and what the other side has committed to.
CREATE TABLE review_kept (
  deal         BLOB    PRIMARY KEY,
  body         BLOB,
  due_ms       INTEGER NOT NULL,
  theirs       BLOB,
  published_ms INTEGER
) STRICT, WITHOUT ROWID;

-- ---- what one keeps an eye on -----------------------------------------------------------------

-- `title` is what a listing was called: of one that is withdrawn nothing else is left.
CREATE TABLE favourite (
  listing  BLOB    PRIMARY KEY,
  since_ms INTEGER NOT NULL,
  title    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE follow (author BLOB PRIMARY KEY, since_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE saved_search (
  name     TEXT    PRIMARY KEY,
  query    TEXT    NOT NULL,
  since_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE notification (
  rid     INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms   INTEGER NOT NULL,
  kind    TEXT    NOT NULL,
  about   TEXT    NOT NULL,
  is_seen INTEGER NOT NULL
) STRICT;
