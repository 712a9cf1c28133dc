"""`python -m synchresis` is `synchresis`."""

from synchresis.realtime.cli.main import main

raise SystemExit(main())
