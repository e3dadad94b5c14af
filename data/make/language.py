"""Grammar of the two languages: articles, plurals, number words, Korean particles, and templates that use them.

A template holds slots: {v} is put in as it is, {v|a} with the English article, {v|은} with the Korean particle of that
pair (은/는, 이/가, 을/를, 과/와, 으로/로, 아/야, 이에요/예요, 이라는/라는) that fits the last sound of the value.
"""
import re

EN_SMALL = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen twenty").split()
SINO_DIGITS = "영일이삼사오육칠팔구"
NATIVE_ONES = ["", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉"]

PARTICLES = {
    "은": ("은", "는"), "이": ("이", "가"), "을": ("을", "를"), "과": ("과", "와"), "으로": ("으로", "로"),
    "아": ("아", "야"), "이에요": ("이에요", "예요"), "이라는": ("이라는", "라는"), "이라고": ("이라고", "라고"), "이고": ("이고", "고"),
    "이었어요": ("이었어요", "였어요"), "도": ("도", "도"),
}
FINAL_RIEUL = 8


def sino(number):
    """The Sino-Korean reading, used in sums: 12 is 십이."""
    if number == 0:
        return "영"
    tens, ones = divmod(number, 10)
    return (SINO_DIGITS[tens] if tens > 1 else "") + ("십" if tens else "") + (SINO_DIGITS[ones] if ones else "")


def native(number):
    """The native numeral in the form that stands before a counter, 1 to 20: 열두 개, 스무 개."""
    if number == 20:
        return "스무"
    tens, ones = divmod(number, 10)
    return ("열" if tens else "") + NATIVE_ONES[ones]


def en_number(number):
    return EN_SMALL[number]


def final_sound(word):
    """Index of the final consonant of the last syllable (0: none); digits are read the Sino-Korean way."""
    digits = re.search(r"\d+$", word)
    last = sino(int(digits.group()))[-1] if digits else word[-1]
    code = ord(last) - 0xAC00
    if not 0 <= code < 11172:
        raise ValueError("no Korean syllable at the end of " + word)
    return code % 28


def with_particle(word, pair):
    closed, open_ = PARTICLES[pair]
    final = final_sound(word)
    if pair == "으로" and final == FINAL_RIEUL:
        final = 0
    return word + (closed if final else open_)


def article(noun):
    return ("an " if noun[0] in "aeiou" else "a ") + noun


SLOT = re.compile(r"\{(\w+)(?:\|([^}]+))?\}")


def fill(template, values):
    """The template with its slots filled and its first letter a capital."""
    def put(match):
        value = str(values[match.group(1)])
        if match.group(2) is None:
            return value
        return article(value) if match.group(2) == "a" else with_particle(value, match.group(2))
    text = SLOT.sub(put, template)
    return text[0].upper() + text[1:]


def en_list(names):
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def ko_list(names):
    return names[0] if len(names) == 1 else ", ".join(names[:-2] + [with_particle(names[-2], "과") + " " + names[-1]])


def sentences(text):
    """The sentences of a text, each with its closing mark; a last piece without a mark counts as one."""
    return [piece.strip() for piece in re.findall(r"[^.!?\n]+[.!?]*\"?", text) if piece.strip()]
