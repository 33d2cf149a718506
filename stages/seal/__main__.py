"""Compose models/adapters/<recipe>: sealed weights, the model card, lineage.json."""

from stages.entry import main
from stages.seal.stage import run

if __name__ == "__main__":
    main(run)
