import Work
