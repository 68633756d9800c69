"""The private books and the younger views of a store, each in a file of its own: what the store has
beside records. Knows which there are.
"""

from .blob_book import BlobBook
from .box_book import BoxBook
from .database import Database
from .deal_book import DealBook
from .mail_book import MailBook
from .outbox import Outbox
from .remark_view import RemarkView
from .review_book import ReviewBook
from .room_book import RoomBook
from .wish_book import WishBook


class Books:
    """Beside a store's records (SPEC.md R12 on). Who changes a book is within a transaction."""

    def __init__(self, db: Database, own_author: bytes | None) -> None:
        self.blobs = BlobBook(db, self._require_write, own_author)
        self.boxes = BoxBook(db, self._require_write)
        self.rooms = RoomBook(db, self._require_write, own_author)
        self.outbox = Outbox(db, self._require_write)
        self.mail = MailBook(db, self._require_write)
        self.deals = DealBook(db, self._require_write)
        self.reviews = ReviewBook(db, self._require_write)
        self.wishes = WishBook(db, self._require_write)
        self.remarks = RemarkView(db)

    def _require_write(self) -> None:
        """RuntimeError outside of a transaction."""
        raise NotImplementedError
