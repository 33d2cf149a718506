from stages.caption.stage import run
from stages.entry import main

main(run)
