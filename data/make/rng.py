"""Random numbers that are the same on every Python: splitmix64, one stream for every purpose."""
import hashlib

MASK = (1 << 64) - 1
SEED = 2048


class Stream:
    """A stream named by its purpose, so that a change in one part of the data moves nothing in another."""

    def __init__(self, *purpose):
        name = "/".join([str(SEED)] + [str(part) for part in purpose])
        self.state = int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:8], "big")

    def bits(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        """An integer in [0, bound); the bias of the modulus is below 1e-15 for the bounds used here."""
        return self.bits() % bound

    def chance(self, percent):
        return self.below(100) < percent

    def choice(self, items):
        return items[self.below(len(items))]

    def weighted(self, weights):
        """A key of a {key: integer weight} table."""
        rest = self.below(sum(weights.values()))
        for key, weight in weights.items():
            rest -= weight
            if rest < 0:
                return key
        raise AssertionError("weights must be positive")

    def shuffled(self, items):
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
        return items

    def sample(self, items, count):
        return self.shuffled(items)[:count]
