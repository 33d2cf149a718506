"""Turn curated rows into token ids and fitted pictures, with a receipt for what is supervised."""

from stages.entry import main
from stages.tokenize.interleaved.stage import run

if __name__ == "__main__":
    main(run)
