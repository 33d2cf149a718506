"""Search for pictures and fetch them: queries -> answers -> addresses -> bytes as they came."""
