"""Preference pairs: two responses to one prompt, the better one by the gold scorer."""
from . import gold
from .chats import CLOSINGS, assistant, both, every_question, maybe_system, pick, styled, user
from .language import sentences
from .rng import Stream
from .world import EN, KO

LEAST_MARGIN = 0.1

# Kinds of pairs, in percent: one true and one untrue answer in the same style; two styles; anything against anything.
PAIRS = {"truth": 40, "style": 40, "mixed": 20}
STYLES = {"plain": 30, "good": 30, "filler": 10, "double": 10, "bare": 10, "twice": 5, "foreign": 5}


def write(stream, question, style, true=True):
    """A response in a style; besides those of the training conversations, two that only a bad model writes."""
    language = question.language
    if style == "twice":
        text = styled(stream, question, "plain")
        return text + " " + sentences(text)[-1] + " " + stream.choice(CLOSINGS[language])
    if style == "foreign":
        return styled(stream, question, "plain") + " " + stream.choice(CLOSINGS[KO if language == EN else EN])
    if true:
        return styled(stream, question, style)
    text = question.wrong(stream)
    return text + " " + stream.choice(CLOSINGS[language]) if style == "good" else text


def candidates(stream, question):
    kind = stream.weighted(PAIRS)
    if kind == "truth":
        style = stream.choice(["plain", "good"])
        return write(stream, question, style), write(stream, question, style, true=False)
    one, other = (stream.weighted(STYLES) for _ in range(2))
    true = kind == "style" or stream.chance(60)
    return write(stream, question, one), write(stream, question, other, true)


def pair(stream, question, percent_system):
    """One pair whose gold scores differ by LEAST_MARGIN at least; drawn again until they do."""
    prompt = maybe_system(stream, question.language, percent_system) + [user(question.text)]
    while True:
        responses = candidates(stream, question)
        scores = [gold.score(prompt, text) for text in responses]
        margin = abs(scores[0] - scores[1])
        if margin >= LEAST_MARGIN - 1e-9:
            better, worse = responses if scores[0] > scores[1] else responses[::-1]
            return {"prompt": prompt, "chosen": [assistant(better)], "rejected": [assistant(worse)],
                    "margin": round(margin, 2)}


def make_preferences():
    train, held = Stream("preferences", "train"), Stream("preferences", "heldout")
    questions = pick(train, every_question(unseen=False), both(fact=300, sum=180, story=60))
    unseen = pick(held, every_question(unseen=True), both(fact=20, unasked=20, sum=30, story=15))
    return [pair(train, q, 20) for q in questions], [pair(held, q, 0) for q in unseen]
