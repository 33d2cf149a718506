"""FROMAGe's linear maps and its [RET] row, trained over frozen parts on cached features."""
