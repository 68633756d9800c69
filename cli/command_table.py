"""Which commands there are, in the order of the help, and in which file each is."""

from typing import Final

# Command: (module, attribute, what it does), in the order of the help.
SECTIONS: Final[dict[str, dict[str, tuple[str, str, str]]]] = {
    "Sell": {
        "sell": ("cmd_sell", "sell", "Put something up: for a price, as a gift, or as wanted."),
        "edit": ("cmd_edit", "edit", "Change a listing of yours."),
        "reserve": ("cmd_state", "reserve", "Mark a listing as reserved for someone."),
        "sold": ("cmd_state", "sold", "Mark a listing as sold."),
        "relist": ("cmd_state", "relist", "Put a reserved, sold or expired listing up again."),
        "withdraw": ("cmd_state", "withdraw", "Take a listing back, for good."),
        "renew": ("cmd_state", "renew", "Give listings another 90 days."),
        "poster": (
            "cmd_poster",
            "poster",
            "Make a poster to print, with a picture, a price and a QR code.",
        ),
        "import": ("cmd_import", "import_", "Bring listings in from a file."),
    },
    "Look": {
        "search": ("cmd_search", "search", "Find listings, also with no network."),
        "show": ("cmd_show", "show", "Show one listing, its seller and its history."),
        "photos": (
            "cmd_photos",
            "photos",
            "List the photos of a listing, or write them to files.",
        ),
        "mine": ("cmd_mine", "mine", "List what you have put up."),
        "watch": ("cmd_watch", "watch", "Print what happens, as it happens."),
        "favourites": (
            "cmd_wish",
            "favourites",
            "Mark listings, and hear when their price or state changes.",
        ),
        "follow": ("cmd_wish", "follow", "Hear when a seller puts something up."),
        "saved": ("cmd_wish", "saved", "Save a search, and hear when something comes that fits."),
        "notifications": (
            "cmd_wish",
            "notifications",
            "Show what came: of what you keep an eye on, of questions, of reviews.",
        ),
        "export": ("cmd_export", "export", "Write listings to a file or to stdout."),
    },
    "Talk and trade": {
        "ask": ("cmd_ask", "ask", "Ask about a listing, for everybody to read."),
        "answer": (
            "cmd_ask",
            "answer",
            "Answer a question about a listing, for everybody to read.",
        ),
        "talk": ("cmd_talk", "talk", "Talk with somebody: ask, haggle, agree, meet."),
        "send": ("cmd_send", "send", "Write to a seller, or to anyone."),
        "inbox": ("cmd_inbox", "inbox", "Show who wrote to you, and what about."),
        "outbox": ("cmd_inbox", "outbox", "Show what you have said that is still on its way."),
        "offer": ("cmd_deal", "offer", "Offer a price for a listing, or counter an offer."),
        "counter": ("cmd_deal", "counter", "Answer an offer with another one."),
        "accept": ("cmd_deal", "accept", "Take the offer that the other side made."),
        "decline": ("cmd_deal", "decline", "Say no to an offer. The other side may make another."),
        "retract": ("cmd_deal", "retract", "Take your offer back, as long as nobody took it."),
        "deals": ("cmd_deal", "deals", "Show your offers and deals, and who is to act."),
        "done": ("cmd_deal", "done", "Say that your part is done: handed over, or received."),
        "cancel": ("cmd_deal", "cancel", "End a deal that comes to nothing, and say why."),
        "noshow": ("cmd_deal", "noshow", "Say that the other side did not come."),
        "review": ("cmd_review", "review", "Say how a deal went."),
        "meet": ("cmd_send", "meet", "Propose when and where to meet."),
        "agree": ("cmd_send", "agree", "Agree to the meeting that was proposed to you last."),
        "mute": (
            "cmd_inbox",
            "mute",
            "Hear nothing more of a room; what is said there still comes.",
        ),
        "forget": ("cmd_inbox", "forget", "Delete what was said in a room, on this machine."),
    },
    "Node": {
        "up": ("cmd_up", "up", "Run the node: meet the neighbours, share listings."),
        "open": ("cmd_open", "open_", "Open the node's page in the browser."),
        "status": ("cmd_status", "status", "Say how the running node is doing."),
        "peers": ("cmd_peers", "peers", "List the neighbours the node is connected to."),
        "connect": ("cmd_peers", "connect", "Connect to a neighbour by address."),
        "sync": ("cmd_peers", "sync", "Compare stores with neighbours now."),
        "join": ("cmd_market", "join", "Take part in another market."),
        "leave": ("cmd_market", "leave", "Stop taking part in a market."),
        "devnet": ("cmd_devnet", "devnet", "Try it alone: several nodes with sample goods."),
        "service": ("cmd_service", "service", "Keep the node running in the background."),
        "doctor": ("cmd_doctor", "doctor", "Check the set-up and say what to do."),
    },
    "You and others": {
        "init": ("cmd_init", "init", "Make your identity."),
        "words": ("cmd_words", "words", "Show the 24 words that are your identity."),
        "passphrase": ("cmd_words", "passphrase", "Seal your key with a passphrase, or change it."),
        "profile": ("cmd_profile", "profile", "Say, or show, what you call yourself."),
        "person": ("cmd_person", "person", "Show what you know of somebody, and their reviews."),
        "whoami": ("cmd_profile", "whoami", "Show who you are here."),
        "contacts": ("cmd_contacts", "contacts", "Keep the listings of people you know."),
        "block": ("cmd_block", "block", "See and pass on nothing more of an author."),
        "unblock": ("cmd_block", "unblock", "Undo a block."),
        "backup": ("cmd_backup", "backup", "Save your identity and records to a file."),
        "restore": ("cmd_backup", "restore", "Bring your identity back."),
    },
    "House": {
        "config": ("cmd_config", "config", "Read and change settings."),
        "verify": ("cmd_verify", "verify", "Check every signature and view in the store."),
        "reindex": ("cmd_verify", "reindex", "Rebuild what is derived from the records."),
        "completion": ("cmd_completion", "completion", "Print completion for your shell."),
    },
}
COMMANDS: Final = {
    name: place for commands in SECTIONS.values() for name, place in commands.items()
}
