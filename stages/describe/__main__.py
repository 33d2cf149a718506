from stages.describe.stage import run
from stages.entry import main

main(run)
