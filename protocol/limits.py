"""Every bound of the system, in one place. SPEC.md has the same numbers; a test compares them.

A bound of validity (what a record may be) can only change with a new record version: older nodes
would punish honest ones. The others are local policy.
"""

KIB = 1024
MIB = 1024 * KIB
SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

# --- records: bounds of validity -------------------------------------------------------------
RECORD_BYTES_MAX = 16 * KIB
DEPTH_MAX = 4
MAP_ENTRIES_MAX = 32
ARRAY_ENTRIES_MAX = 64
INTEGER_MAX = 2**53 - 1
ID_BYTES = 32
THREAD_BYTES = 16
SIGNATURE_BYTES = 64
NAME_CHARS_MAX = 40
ABOUT_CHARS_MAX = 1000
TITLE_CHARS_MAX = 120
DESCRIPTION_CHARS_MAX = 4000
DESCRIPTION_BYTES_MAX = 12_000
CATEGORY_CHARS_MAX = 64
PLACE_CHARS_MAX = 80
MARKET_CHARS_MAX = 64
TAGS_MAX = 10
TAG_CHARS_MAX = 32
URL_CHARS_MAX = 500
QUANTITY_MAX = 1_000_000
REF_BYTES = 32

# --- photos ----------------------------------------------------------------------------------
PHOTOS_MAX = 8  # of one listing
PHOTO_BYTES_MAX = 512 * KIB
PHOTO_SIDE_MAX = 1600  # pixels
THUMB_BYTES_MAX = 24 * KIB
PHOTO_SOURCE_BYTES_MAX = 20 * MIB  # what is taken from a camera or a browser
PHOTO_SOURCE_PIXELS_MAX = 40_000_000
PHOTO_PRESS_MS_MAX = 30 * SECOND_MS  # of one, on the clock; of the processor two thirds of it
PHOTO_PRESS_BYTES_MAX = 1536 * MIB  # of memory
THUMB_SIDE_MAX = 320  # pixels; as it is made here
BLOB_STORE_BYTES_MAX = 2048 * MIB
BLOB_AGAIN_MS = 30 * SECOND_MS  # after a blob was asked for in vain; twice as long each time
BLOB_AGAIN_MS_MAX = HOUR_MS
BLOB_UNNAMED_MS = DAY_MS  # then what no listing names may go

# --- lifetime, by the class of a record's kind (kind div 64) ---------------------------------
LIFETIME_SHORT_MS = 90 * DAY_MS
LIFETIME_LONG_MS = 730 * DAY_MS
RENEW_BEFORE_MS = 7 * DAY_MS
RENEW_ABSENT_OWNER_MS = 90 * DAY_MS

# --- clock -----------------------------------------------------------------------------------
FUTURE_MS_MAX = 10 * MINUTE_MS
CLOCK_WARN_MS = 5 * MINUTE_MS
CLOCK_PEERS_MIN = 3

# --- authors and markets ---------------------------------------------------------------------
LIVE_THREADS_PER_AUTHOR_MAX = 10_000
THREADS_PER_AUTHOR_MAX = 20_000
MARKETS_JOINED_MAX = 32  # beside commons

# --- store -----------------------------------------------------------------------------------
RECORD_STORE_BYTES_MAX = 512 * MIB
HISTORY_REVISIONS_MAX = 20
ITEM_CHUNK_KEYS_MAX = 128  # keys that one stored sum stands for
BLOCKED_AUTHORS_MAX = 10_000
KEPT_AUTHORS_MAX = 10_000  # contacts
CONTACT_NOTE_CHARS_MAX = 200
STORE_SHARES = 64  # of strangers' bytes, by who brought them
PEERS_REMEMBERED_MAX = 500
META_VALUE_CHARS_MAX = 64 * KIB
HELD_MS_MAX = 30 * DAY_MS  # how long a completed reconciliation is believed
HELD_PEERS_MAX = 500  # whose reconciliations are remembered, of each market
STORE_BUSY_MS_MAX = 10 * SECOND_MS

# --- search ----------------------------------------------------------------------------------
SEARCH_ROWS_MAX = 1000  # of one page
SEARCH_TEXT_CHARS_MAX = 500
SEARCH_CURSOR_CHARS_MAX = 100
SEARCH_FEW_HITS_MAX = 200  # so many are looked at row by row
SEARCH_FACET_HITS_MAX = 5000  # counted exactly; of more, "at least"
SEARCH_FACET_VALUES_MAX = 50  # of one facet
SEARCH_PARTED_CHARS_MAX = 16  # of a run that is also looked for in two
SEARCH_SELLERS_MAX = 64  # sellers of one name that the index is asked for
FIND_IDS_MAX = 20

# --- reconciliation and its wire -------------------------------------------------------------
SYNC_FRAME_BYTES_MAX = 256 * KIB
SYNC_RECORDS_MAX = 1024  # records in a frame, ids in a get, what a range may ask for
SYNC_MARKETS_MAX = MARKETS_JOINED_MAX + 1  # in a hello: commons too
SYNC_TEXT_CHARS_MAX = 200
RECON_MESSAGE_BYTES_MIN = 4 * KIB  # no sender's own bound is below this
RECON_MESSAGE_BYTES_MAX = 64 * KIB
RECON_RANGES_MAX = 1024  # in a message; bounds the fingerprints that it costs
RECON_KEYS_MAX = 8192  # own keys that one message makes an initiator read
RECON_ROUNDS_MAX = 1024  # messages from an initiator in one reconciliation

# --- transport: connections and streams ------------------------------------------------------
CONNECTIONS_MAX = 64  # unless the owner names more peers than there are places for
CONNECTIONS_INBOUND_MAX = 32
CONNECTIONS_DIALLED_MAX = 24  # to peers that the owner has not named; 8 are left for those
CONNECTIONS_PER_IP_MAX = 8
CONNECTIONS_PER_LOOPBACK_IP_MAX = 64
CONNECTIONS_PER_SECOND = 4  # new ones from an address; eight times as many from loopback
CONNECTIONS_BURST = 16
CONNECTIONS_PER_PEER_MAX = 2
CONNECTIONS_PENDING_MAX = 16
CONNECTIONS_KEPT = 4  # in a full house: for what they brought, and as many for being near
CONNECTION_STAY_MS_MIN = 6 * SECOND_MS  # of who was made room for
CONNECTIONS_TURN_MS = 500  # from one for whom a full house makes room to the next
CONNECTIONS_TURNS_BURST = 4
CONNECTION_REST_MS_MIN = 5 * MINUTE_MS  # of a place, before one who was inside lately may have it
CONNECTION_KNOWN_MS = 30 * MINUTE_MS  # for how long who was inside is no newcomer
HANDSHAKE_MS_MAX = 5 * SECOND_MS
DIAL_MS_MAX = 10 * SECOND_MS
STREAMS_PER_PEER_MAX = 16
STREAMS_LINGERING_PER_CONNECTION_MAX = 16
STREAM_OPEN_MS_MAX = 5 * SECOND_MS
FRAMES_IDLE_PER_SECOND = 200  # yamux frames of a connection that bring next to nothing
FRAMES_IDLE_BURST = 5000
FRAMES_IDLE_AT_FIRST = 1500
FRAMES_PER_STREAM = 20  # that opening one costs
FRAMES_PER_PING = 10  # that one to be answered costs: an honest peer sends two a minute
FRAMES_EARNED = 3  # by each frame that is sent: with data, or on a stream that this node opened
FRAME_SMALL_BYTES = 128  # data below this is next to nothing
FRAME_BYTES_UNWANTED = 4 * KIB  # for a stream that is not there: one more for so many
FRAMES_OWED_MAX = 64  # answers to frames that wait for who writes; what comes then is read later
STREAM_WINDOW_BYTES = 256 * KIB
STREAM_STALL_MS_MAX = 60 * SECOND_MS
STREAM_CHUNK_BYTES = 64 * KIB
SHUTDOWN_MS_MAX = 2 * SECOND_MS
PORT_DEFAULT = 4110
PORT_PROBES_MAX = 50

# --- transport: gossip -----------------------------------------------------------------------
GOSSIP_MESSAGE_BYTES_MAX = 64 * KIB
GOSSIP_RPC_BYTES_MAX = 1 * MIB
GOSSIP_QUEUE_RPCS_MAX = 4096
GOSSIP_QUEUE_BYTES_MAX = 4 * MIB
GOSSIP_SEEN_MAX = 65_536
GOSSIP_SEEN_MS = 120 * SECOND_MS
GOSSIP_IWANT_IDS_MAX = 512
GOSSIP_CONTROLS_MAX = 256  # GRAFT, PRUNE, IHAVE, IWANT in one RPC
GOSSIP_SHARE_PERCENT = 10  # of the loop's time, that the RPCs of one peer may take
GOSSIP_SHARE_BURST_MS = 2 * SECOND_MS
TOPIC_CHARS_MAX = 128
TOPICS_PER_PEER_MAX = 64
OWN_ADDRESSES_EVERY_MS = 2 * SECOND_MS
PEER_ADDRESSES_MAX = 16
ADDRESS_BYTES_MAX = 256
NEGOTIATION_BYTES_MAX = 1024  # one message of multistream-select
IDENTIFY_BYTES_MAX = 8 * KIB  # of a peer's answer to identify, as other builds of libp2p bound it
PEER_KEY_BYTES_MAX = 600  # RSA of 4,096 bits, the longest that libp2p takes, is 550

# --- listing files ---------------------------------------------------------------------------
IMPORT_FILE_BYTES_MAX = 256 * MIB
IMPORT_ROWS_MAX = 100_000
IMPORT_ROW_CHARS_MAX = 1 * MIB
IMPORT_COLUMNS_MAX = 1_000
IMPORT_VARIANTS_MAX = 2_048

# --- the running node: writer, gossip, sessions, schedule -------------------------------------
WRITER_RECORDS_MAX = 4096  # verified records that wait for the writer
WRITER_JOBS_MAX = 64
OPENER_BULK_MIN = 128  # records that are opened in a process beside the node; fewer, on a thread
OPENER_PROCESSES_MAX = 2
OPENER_IDLE_MS = 20 * SECOND_MS  # until such a process ends
OPENER_WAIT_MS_MAX = 20 * SECOND_MS  # for its answer; then they are opened on a thread
WRITER_GROUP_RECORDS_MAX = 2048  # admitted in one transaction
TEXT_NOW_RECORDS_MAX = 64  # in a transaction, whose words are added in it; those of more, later
TEXT_IDLE_MS = 200  # of the writer, before it adds words
TEXT_WAIT_MS_MAX = SECOND_MS  # for such idleness
TEXT_RECORDS_AT_ONCE = 2048  # looked through for words in one transaction
TEXT_RECORDS_REMEMBERED_MAX = 4096  # not read again for their words; what is beyond is
TEXT_LAST_MS_MAX = 500  # at the end; the next start adds the rest
GOSSIP_RECORDS_MAX = 64  # in a message; bounds the signatures that it costs at once
GOSSIP_RECORDS_PER_SECOND = 200  # from one peer
GOSSIP_RECORDS_BURST = 2000
GOSSIP_DOORBELL_ABOVE = 50  # more new records than this at once: a doorbell for the rest
GOSSIP_DOORBELL_EVERY_MS = 2 * SECOND_MS
GOSSIP_OWN_PER_SECOND = 5  # own records gossiped in the long run; the doorbell tells of the rest
GOSSIP_OUTBOX_RECORDS_MAX = 512
KNOWN_IDS_MAX = 65_536
SYNC_SESSIONS_OUT_MAX = 8
SYNC_SESSIONS_IN_MAX = 32  # when so many are answered, each payer has one at most
SYNC_SESSIONS_PER_PEER_MAX = 2  # inbound, from one payer
SYNC_GET_IDS = 256  # asked for at once
SYNC_BATCHES_OPENED_MAX = 4  # that are parsed and verified, while a session receives the next
SYNC_BATCHES_WRITTEN_MAX = 4  # at the writer, while a session verifies the next
SYNC_GETS_IN_FLIGHT_MAX = 2
SYNC_NEED_IDS_MAX = 4096  # gathered before they are fetched
SYNC_PUSH_RECORDS_MAX = 32  # a session pushes no more: what lacks more asks for it itself
SYNC_PASSES_MAX = 4
SYNC_FRAME_WAIT_MS_MAX = 30 * SECOND_MS
SYNC_ASKER_WAIT_MS_MAX = 30 * SECOND_MS  # for all answers of a session in which nothing new comes
SYNC_ANSWERER_WAIT_MS_MAX = 2 * MINUTE_MS  # for all questions: who asks may have others to wait for
SYNC_WAIT_MS_PER_RECORD = 50
SYNC_CREDIT_BYTES = 16 * MIB
SYNC_CREDIT_BYTES_PER_RECORD = 64 * KIB
SYNC_CREDIT_BYTES_PER_FRAME = 4 * KIB
SYNC_SERVED_RECORDS_SLACK = 4096  # beyond twice the set that is served
SYNC_STORE_SHARE_PERCENT = 25  # of the store's time, that answers to one peer may take
SYNC_STORE_BURST_MS = 5 * SECOND_MS
SYNC_STORE_REST_MS_MAX = 10 * SECOND_MS
SYNC_SESSIONS_PER_SECOND = 2  # inbound, from one payer
SYNC_SESSIONS_BURST = 60
SYNC_EVERY_MS = 15 * SECOND_MS
SYNC_DOORBELL_JITTER_MS = 500
SYNC_PUBLISHED_WAIT_MS = 100
SYNC_PUBLISHED_EVERY_MS = SECOND_MS  # who sells on and on is not to meet everybody each time
SYNC_PUBLISHED_PEERS_MAX = 8
SYNC_SECOND_SIDE_WAIT_MS = 2 * SECOND_MS
SYNC_FRUITLESS_WAIT_MS = 2 * SECOND_MS
SYNC_FRUITLESS_WAIT_MS_MAX = 5 * MINUTE_MS
CLAIMED_IDS_MAX = 65_536
CLAIM_WAIT_MS_MAX = 20 * SECOND_MS
CLAIM_MS_MIN = 3 * SECOND_MS  # then others may fetch it too
CLAIM_MS_PER_RECORD = 100  # put off by each new record
CLAIM_MS_MAX = 30 * SECOND_MS  # ahead of time at most
CLAIM_RANGE_MS_MAX = 2 * MINUTE_MS  # then others need not wait for it, though records still come
DECLINED_PER_PEER_MAX = 20_000
DECLINED_PAUSE_MS = HOUR_MS
DECLINED_PAUSE_MS_MAX = DAY_MS  # for want of room, time and again
UNWANTED_PAUSE_MS = MINUTE_MS
DECLINED_PEERS_MAX = 256
STALE_IDS_MAX = 20_000
STALE_FORGET_MS = 10 * MINUTE_MS
PENALTY_BAN_POINTS = 100
PENALTY_HALF_LIFE_MS = 10 * MINUTE_MS
PENALTY_PEERS_MAX = 1024
BAN_MS_MIN = MINUTE_MS
BAN_MS_MAX = HOUR_MS
DIAL_SECOND_SIDE_WAIT_MS = SECOND_MS  # the greater id's, for the smaller one's dial
DIAL_WAIT_MS_MIN = SECOND_MS
DIAL_WAIT_MS_MAX = 5 * MINUTE_MS
DIAL_STAY_MS = MINUTE_MS  # a connection that ends sooner was not wanted there
DIAL_NEIGHBOURS_ENOUGH = 8  # standing: no hurry to be where one is not wanted
DIAL_ADDRESSES_MAX = 512
DIALS_AT_ONCE_MAX = 8
LONELY_AFTER_MS = 15 * SECOND_MS
HELD_WAIT_MS_MAX = 3 * SECOND_MS
RENEW_EVERY_MS = HOUR_MS
FORGET_EVERY_MS = MINUTE_MS
CLOCK_UNSURE_MS = HOUR_MS  # after a start or a jump of the clock, with nobody to ask
FORGET_RECORDS_AT_ONCE = 1000
EVENTS_PENDING_MAX = 1024  # that one watcher has not read
EVENT_LISTINGS_AT_ONCE_MAX = 5  # more at once are told as one summary
EVENT_GATHER_MS = 500

# --- discovery by mDNS -----------------------------------------------------------------------
MDNS_PACKET_BYTES_MAX = 9000
MDNS_ADDRESS_BYTES_MAX = 247
MDNS_FOUND_MAX = 256
MDNS_NEIGHBOURS_MAX = 4096

# --- the desk and the control API ------------------------------------------------------------
IMPORT_BATCH_ROWS_MAX = 500  # in one durable transaction
IMPORT_SOURCES_MAX = 32
IMPORT_PHOTOS_MAX = 1500  # files that one file of listings names
BACKUP_BYTES_MAX = 1024 * MIB  # unpacked
BACKUP_PHOTO_BYTES_MAX = 64 * MIB  # of photos in it
CONTROL_BODY_BYTES_MAX = 1 * MIB
CONTROL_STREAMS_MAX = 32
PAGE_FORM_BYTES_MAX = 256 * KIB  # without files
PAGE_READ_OFF_BYTES_MAX = 32 * MIB  # of what is refused for its size, and thrown away
PAGE_READ_OFF_MS_MAX = 10 * SECOND_MS
PAGE_FIELDS_MAX = 100
PAGE_STREAMS_MAX = 16
PAGE_FILES_MAX = 32  # of one form; more photos than a listing takes are said, not cut off
PAGE_PRESSES_MAX = 2  # photos that are prepared at once
PAGE_IMPORT_BYTES_MAX = 64 * MIB
PAGE_PHOTO_WAIT_MS = 2 * SECOND_MS  # for one that a neighbour is asked for
POSTER_LISTINGS_MAX = 12  # of a market: its newest

# --- texts that point at a listing, and the window for phones ------------------------------------
POINTER_CHARS_MAX = 1024
POINTER_ADDRESSES_MAX = 4
POINTER_ADDRESS_CHARS_MAX = 200
PHONE_PORT_DEFAULT = 8410
PHONE_CONNECTIONS_MAX = 48
PHONE_CONNECTIONS_PER_ADDRESS_MAX = 12  # a browser opens six
PHONE_CONNECTION_MS_MAX = 2 * MINUTE_MS
PHONE_REQUESTS_PER_SECOND = 20  # of one address, in the long run
PHONE_REQUESTS_BURST = 200  # a page with its photos
PHONE_ADDRESSES_MAX = 256

# --- sealed mail and what is said in it --------------------------------------------------------
LETTER_PLAIN_BYTES_MAX = 8 * KIB  # before it is sealed, length and padding included
LETTER_DAYS = 14
MAIL_BYTES_MAX = 256 * MIB  # carried for everybody
MAIL_LETTERS_MAX = 65_536
MAIL_FRAME_BYTES_MAX = 256 * KIB
MAIL_IDS_MAX = 256  # letters in a frame, ids in a get
MAIL_PUT_LETTERS_MAX = 64  # an asker puts no more in a pass: what lacks more asks for it itself
MAIL_PASSES_MAX = 4
MAIL_LETTERS_PER_SECOND = 100  # taken of one payer
MAIL_LETTERS_BURST = 8192
MAIL_LATER_MS = 5 * SECOND_MS  # until the rest is asked for
MAIL_DECLINED_PER_PEER_MAX = 4096
MAIL_DECLINED_PEERS_MAX = 128
MAIL_DECLINED_MS = HOUR_MS  # then it may come again
MAIL_SERVED_LETTERS_SLACK = 4096  # beyond twice what is held
MAIL_HOLDERS_MAX = 64  # peers that are remembered for one letter of one's own
MESSAGE_CHARS_MAX = 2000
MESSAGE_BYTES_MAX = 6000
MEET_CHARS_MAX = 200
ROOM_MESSAGES_MAX = 10_000  # of both; then no more are taken
ROOMS_MAX = 10_000
ROOMS_PER_PERSON_MAX = 200
UNANSWERED_MESSAGES_MAX = 200  # of somebody to whom one has never said a word
RECEIPTS_OWN_MAX = 1000  # under way; of more, each is carried as anybody's letter
RECEIPTS_AGAIN_MS = HOUR_MS  # for what was acknowledged before, to one person
RECEIPTS_AGAIN_PEOPLE_MAX = 1024
RESEALED_EVERY_MS = HOUR_MS  # to a newer key
OUTBOX_SEALED_AT_ONCE = 256
MAIL_TEND_EVERY_MS = MINUTE_MS
FAVOURITES_MAX = 1000
FOLLOWS_MAX = 1000
SAVED_SEARCHES_MAX = 50
NOTIFICATIONS_MAX = 1000  # the seen ones go first
LOOK_OUT_EVERY_MS = 1 * SECOND_MS
MAIL_WRITTEN_WAIT_MS = 20  # a talk is to be as quick as one
MAIL_WRITTEN_EVERY_MS = 250
MAIL_PASSED_ON_MS = 300
BOX_ROTATE_MS = 7 * DAY_MS
BOX_KEPT_MS = 21 * DAY_MS  # after its successor was published
DEAL_STEPS_MAX = 200  # each side says half of them at most
DEAL_STEPS_KEPT = 5  # of its half, for what is no haggling
OFFER_NOTE_CHARS_MAX = 300
OFFER_MS_DEFAULT = 48 * HOUR_MS
OFFER_MS_MAX = 14 * DAY_MS
REVIEW_CHARS_MAX = 1000
REVIEW_BLIND_MS = 14 * DAY_MS
REVIEW_LATE_MS = 60 * DAY_MS  # after the deal's last step
REMARK_CHARS_MAX = 1000  # a question, an answer
REVIEWS_SHOWN_MAX = 200  # of one person: the latest
REMARKS_SHOWN_MAX = 200  # of one listing: the newest
LANGUAGES_MAX = 8
LANGUAGE_CHARS_MAX = 16

# --- photos: the exchange of blobs -------------------------------------------------------------
BLOB_GETS_MAX = 256  # blobs in a get
BLOB_GET_BYTES_MAX = 1 * MIB  # that an asker asks for in one: what is looked at comes after it
BLOB_GETS_IN_FLIGHT_MAX = 2
BLOB_CHUNK_BYTES = 64 * KIB  # all but a blob's last have so many
BLOB_FRAME_BYTES_MAX = BLOB_CHUNK_BYTES + KIB
BLOB_GET_PRICE_BYTES = 4 * KIB  # what a blob asked for costs at least, be it lacking
BLOB_SERVED_BYTES_PER_SECOND = 16 * MIB  # to one payer, in the long run
BLOB_SERVED_BYTES_BURST = 256 * MIB
BLOB_REST_MS_MAX = 10 * SECOND_MS  # before one answer goes on
BLOB_SESSIONS_IN_MAX = 16  # when so many are answered, each payer has one at most
BLOB_SESSIONS_PER_PEER_MAX = 2  # inbound, from one payer
BLOB_SESSIONS_PER_SECOND = 4  # inbound, from one payer
BLOB_SESSIONS_BURST = 120
BLOB_SESSIONS_OUT_MAX = 4
BLOB_BYTES_PER_SECOND_MIN = 16 * KIB  # a peer that gives less is left, in the long run
BLOB_READ_BYTES_MAX = 1 * MIB  # from the disk at once, for one peer
BLOB_CAME_BYTES_MAX = 8 * MIB  # on their way to the disk
BLOB_PART_MS = SECOND_MS  # until the beginning of a blob that comes slowly is kept
BLOB_ERRANDS_MAX = 4096  # in memory; the rest waits in the store
BLOB_CLAIM_MS = 3 * SECOND_MS  # without a chunk: then others may fetch it too
BLOB_GATHER_MS = 200  # after news of listings, before their thumbnails are asked for
BLOB_ROUND_MS = SECOND_MS  # after all neighbours lacked it; twice as long each time
BLOB_ROUNDS_MAX = 4  # then it is a miss (BLOB_AGAIN_MS)
BLOB_MISSED_MAX = 4096  # that are asked of a new neighbour at once
BLOB_LOOK_MS_MAX = 60 * SECOND_MS
BLOB_LOOKS_MAX = 256  # at once
BLOB_TEND_EVERY_MS = MINUTE_MS
BLOB_TEND_PARTS = 64  # or when as little of the quota has come
BLOB_SWEEP_EVERY_MS = HOUR_MS
BLOB_AUTHOR_SHARE = 16  # one author's come along up to this part of the quota
BLOB_THUMBS_PERCENT = 50  # of the quota, that thumbnails take which nobody has looked at
EVENT_PHOTOS_AT_ONCE_MAX = 64
