"""Additions and subtractions up to twenty, in digits and in words, and those that are held out.

A family {a, b, a + b} is four sums: a + b, b + a, and the two subtractions that undo them. In some families one
addition and one subtraction are held out, in digits and in words, in both languages; their twins (the numbers turned
round, the other number taken away) are taught, so a held-out sum can be known without having been seen.
"""
import re

from .language import EN_SMALL, SINO_DIGITS, en_number, fill, native, sentences, sino
from .rng import Stream
from .world import EN, KO

LARGEST = 20
HELD_OUT_FAMILIES = 14
HELD_OUT_SHARING = 3  # at most so many held-out families have a number in common


class Sum:
    """left + right or left - right. `words`: written in number words rather than digits."""

    def __init__(self, left, sign, right, words=False):
        self.left, self.sign, self.right, self.words = left, sign, right, words
        self.result = left + right if sign == "+" else left - right

    @property
    def key(self):
        return (self.left, self.sign, self.right)

    def addends(self):
        return (self.left, self.right) if self.sign == "+" else (self.right, self.result)

    def number(self, value, language):
        if not self.words:
            return str(value)
        return en_number(value) if language == EN else sino(value)

    def slots(self, language, result=None):
        value = self.result if result is None else result
        return {"a": self.number(self.left, language), "b": self.number(self.right, language),
                "r": self.number(value, language), "s": self.sign}

    def answer(self, language, result=None):
        """The sentence in which a question about this sum is answered: in digits, even where it is asked in words."""
        return fill(ANSWER[language], Sum(*self.key).slots(language, result))

    def sayings(self, language, result=None):
        return [fill(template, self.slots(language, result)) for template in SAY[language, self.sign, self.words]]

    def questions(self, language):
        return [fill(template, self.slots(language)) for template in ASK[language, self.sign, self.words]]

    def bare(self, language, result=None):
        return fill("{r}." if language == EN else "{r|이에요}.", Sum(*self.key).slots(language, result))

    def others(self):
        """Wrong results, the likeliest slips first."""
        near = [self.result + step for step in (1, -1, 2, -2, 10, -10, 3, -3)]
        return [value for value in near if 0 <= value <= LARGEST]


ANSWER = {EN: "{a} {s} {b} = {r}.", KO: "{a} {s} {b} = {r|이에요}."}
SAY, ASK = {}, {}
for _words in (False, True):
    SAY[EN, "+", _words] = ["{a} plus {b} is {r}.", "{a} and {b} make {r}.", "{a} and {b} more is {r}.",
                            "If you add {a} and {b}, you get {r}."]
    SAY[EN, "-", _words] = ["{a} minus {b} is {r}.", "{b} less than {a} is {r}.", "{a} take away {b} leaves {r}.",
                            "If you take {b} from {a}, you get {r}."]
    SAY[KO, "+", _words] = ["{a} 더하기 {b|은} {r|이에요}.", "{a|과} {b|을} 더하면 {r|이에요}.",
                            "{a}에 {b|을} 더하면 {r|이} 돼요."]
    SAY[KO, "-", _words] = ["{a} 빼기 {b|은} {r|이에요}.", "{a}에서 {b|을} 빼면 {r|이에요}.",
                            "{a}에서 {b|을} 빼면 {r|이} 남아요."]
    ASK[EN, "+", _words] = ["What is {a} plus {b}?", "How much is {a} plus {b}?", "Please add {a} and {b}."]
    ASK[EN, "-", _words] = ["What is {a} minus {b}?", "How much is {a} minus {b}?", "Please take {b} from {a}."]
    ASK[KO, "+", _words] = ["{a} 더하기 {b|은} 뭐예요?", "{a}에 {b|을} 더하면 뭐예요?", "{a|과} {b|을} 더해 주세요."]
    ASK[KO, "-", _words] = ["{a} 빼기 {b|은} 뭐예요?", "{a}에서 {b|을} 빼면 뭐예요?", "{a}에서 {b|을} 빼 주세요."]
    if not _words:
        for _sign in "+-":
            ASK[EN, _sign, _words] = ["What is {a} {s} {b}?", "How much is {a} {s} {b}?"] + ASK[EN, _sign, _words]
            ASK[KO, _sign, _words] = ["{a} {s} {b|은} 뭐예요?", "{a} {s} {b|을} 계산해 주세요."] + ASK[KO, _sign, _words]
            SAY[EN, _sign, _words] = [ANSWER[EN]] + SAY[EN, _sign, _words]
            SAY[KO, _sign, _words] = [ANSWER[KO]] + SAY[KO, _sign, _words]


def every_sum(words=False):
    return [Sum(a, "+", b, words) for a in range(LARGEST + 1) for b in range(LARGEST + 1 - a)] + \
           [Sum(a, "-", b, words) for a in range(LARGEST + 1) for b in range(a + 1)]


def choose_held_out():
    """The keys (left, sign, right) of the sums that are held out, one addition and one subtraction of a family."""
    stream = Stream("held out", "sums")
    chosen, keys = [], set()
    for a, b in stream.shuffled([(a, b) for a in range(2, LARGEST) for b in range(a + 2, LARGEST + 1 - a)]):
        # Few families share a number, so that every number is still seen in most of its sums.
        shared = max(sum(1 for family in chosen if n in family) for n in (a, b, a + b))
        if shared < HELD_OUT_SHARING and len(chosen) < HELD_OUT_FAMILIES:
            chosen.append((a, b, a + b))
            left, right = stream.shuffled((a, b))
            keys |= {(left, "+", right), (a + b, "-", stream.choice((a, b)))}
    return keys


HELD_OUT = choose_held_out()


def is_held_out(total):
    return total.key in HELD_OUT


_KO_NUMBERS = sorted([(sino(n), n) for n in range(21)], key=lambda pair: -len(pair[0]))
_KO_COUNTS = sorted([(native(n), n) for n in range(1, 21)], key=lambda pair: -len(pair[0]))
_SINO = SINO_DIGITS + "십"
_EN_PATTERN = "|".join(sorted(EN_SMALL, key=len, reverse=True))
_NUMBER = re.compile(
    r"(?P<digits>\d+)|\b(?P<en>" + _EN_PATTERN + r")\b|(?<![가-힣])(?P<native>"
    + "|".join(word for word, _ in _KO_COUNTS) + r") 개|(?<![가-힣0-9])(?P<sino>["
    + _SINO + "]+(?= 더하기| 빼기)|[" + _SINO + r"]+?(?=(?:[은는이가을를과와]|에서|에|예요|이에요)?(?:$|[ .,?])))",
    re.IGNORECASE)


def numbers_in(text):
    """The numbers a text names, in order. Sino-Korean words count only in a sentence that adds or subtracts."""
    found = []
    arithmetic = "더하" in text or "더해" in text or "빼" in text
    for match in _NUMBER.finditer(text):
        if match.group("digits"):
            found.append(int(match.group("digits")))
        elif match.group("en"):
            found.append(EN_SMALL.index(match.group("en").lower()))
        elif match.group("native"):
            found.append(dict(_KO_COUNTS)[match.group("native")])
        elif arithmetic:
            values = [value for word, value in _KO_NUMBERS if match.group("sino").startswith(word)]
            found.append(values[0])
    return found


ADDS = re.compile(r"\+|\b(?:plus|add|more|make)\b|더하|더해|더 ")
TAKES = re.compile(r" - |\b(?:minus|less|take|takes|leaves|of them|left)\b|빼|주었|먹었|남")


def readings(first, second):
    """The sums, as (key, result), that two numbers can be part of in the order in which a text names them. Wordings of
    a subtraction may name the smaller number first."""
    large, small = max(first, second), min(first, second)
    return [((first, "+", second), first + second), ((large, "-", small), large - small)]


def runs(parts):
    """Rows of numbers that belong together: of a sentence with three or more, or of the sentences of a tale, which
    have two at most, one after the other."""
    found, tale = [], []
    for _, numbers in parts:
        if len(numbers) > 2:
            found += [tale, numbers]
            tale = []
        else:
            tale = tale + numbers
    return found + [tale]


def leaks(text):
    """Whether a training text shows a held-out sum: with its result, as three numbers of a run; or without it, in a
    sentence or a text that names two numbers only."""
    parts = [(sentence, numbers_in(sentence)) for sentence in sentences(text)]
    for run in runs(parts):
        for first, second, third in zip(run, run[1:], run[2:]):
            if any(key in HELD_OUT and result == third for key, result in readings(first, second)):
                return True
    for unit, numbers in parts + [(text, [number for _, numbers in parts for number in numbers])]:
        signs = ("+" if ADDS.search(unit) else "") + ("-" if TAKES.search(unit) else "")
        if len(numbers) == 2 and any(key in HELD_OUT and key[1] in (signs or "+-") for key, _ in readings(*numbers)):
            return True
    return False


TRAINED = [s for words in (False, True) for s in every_sum(words) if not is_held_out(s)]
UNSEEN = [s for words in (False, True) for s in every_sum(words) if is_held_out(s)]
