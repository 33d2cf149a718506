"""Run every picture of a table once through a frozen vision tower, and keep what it says."""

from stages.entry import main
from stages.features.stage import run

if __name__ == "__main__":
    main(run)
