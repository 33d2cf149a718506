"""The `plumbline` command: one module a sub-command, with `arguments(parser)` and `command(given)`."""
