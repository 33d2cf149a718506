"""Search for pictures and fetch them, as the queries say; what was fetched or refused, and why, is written down."""

from stages.entry import main
from stages.scrape.stage import run

if __name__ == "__main__":  # a worker process that is spawned imports this module
    main(run)
