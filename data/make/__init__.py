"""The generator of data/: a small world of people, towns, animals, sums and stories, in English and Korean."""
