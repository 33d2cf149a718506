"""Turn curated captions and conversations into token ids, with a receipt for what is supervised."""

from stages.entry import main
from stages.tokenize.chat.stage import run

if __name__ == "__main__":
    main(run)
