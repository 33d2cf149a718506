"""Turn described rows into token ids by the base's own chat template, with a receipt for what is supervised."""

from stages.entry import main
from stages.tokenize.naming.stage import run

if __name__ == "__main__":
    main(run)
