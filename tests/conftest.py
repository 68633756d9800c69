"""What every test can count on of the process it runs in; knows nothing of what is tested."""

import signal

# A shell that starts the suite in its background has it ignore SIGINT, and programs that the tests
# start would inherit that and not hear Ctrl-C. What is caught here is not ignored there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
