"""Multiple choice that no training file shares a prompt with: a choice goes on after the prompt and one space."""
from . import stories, sums, world
from .facts import TRAINED, UNSEEN
from .language import fill
from .rng import Stream
from .world import EN, KO, LANGUAGES

CHOICES = 4

SUM_BEGINS = {(EN, "+"): "{a} plus {b} is", (EN, "-"): "{a} minus {b} is",
              (KO, "+"): "{a} 더하기 {b|은}", (KO, "-"): "{a} 빼기 {b|은}"}

STORY_ENDS = {
    "lost": {
        EN: ("{when}, {h} lost {p2} {t}. {f} came to help, and they looked everywhere. In the end {h} held in "
             "{p2} hands the"),
        KO: "{when} {h|은} {t|을} 잃어버렸어요. {f|이} 와서 함께 여기저기 찾아보았어요. 마침내 {h|이} 손에 든 것은",
    },
    "practice": {
        EN: (("There was a big {hobby} contest in {town}.",),
             ("{h} practised every morning and every evening.", "{f} did not practise at all and slept all day."),
             ("The prize was given to",)),
        KO: (("{town}에서 큰 {hobby} 대회가 열렸어요.",),
             ("{h|은} 아침마다 저녁마다 연습했어요.", "{f|은} 전혀 연습하지 않고 하루 종일 잤어요."),
             ("상을 받은 사람은",)),
    },
}


def record(stream, kind, language, prompt, right, wrong):
    choices = stream.shuffled([right] + stream.sample(wrong, CHOICES - 1))
    return {"prompt": prompt, "choices": choices, "answer": choices.index(right), "kind": kind, "language": language}


def make_facts():
    """Every fact that no question asks, and as many of those that some do; `asked` tells them apart."""
    stream, found = Stream("eval", "facts"), []
    for asked, facts in ((False, UNSEEN), (True, stream.sample(TRAINED, len(UNSEEN)))):
        for fact in facts:
            for language in LANGUAGES:
                wrong = [value[language] for value in fact.others()]
                found.append(record(stream, fact.attribute, language, fact.cloze(language),
                                    fact.value[language], wrong))
                found[-1]["asked"] = asked
    return found


def make_sums():
    """The held-out sums, in words in each language, and in digits, which belong to no language."""
    stream, found = Stream("eval", "sums"), []
    for total in sums.UNSEEN:
        for language in LANGUAGES if total.words else (EN,):
            prompt = fill(SUM_BEGINS[language, total.sign], total.slots(language))
            if not total.words:
                prompt = "%d %s %d =" % total.key
            wrong = [total.number(value, language) for value in total.others()[:CHOICES - 1]]
            found.append(record(stream, "sum", language if total.words else "any", prompt,
                                total.number(total.result, language), wrong))
    return found


def make_stories():
    """Beginnings with held-out heroes and things; the end follows from the beginning."""
    stream, found = Stream("eval", "stories"), []
    for hero, thing in stories.pairs(unseen=True):
        friend = stream.choice(stories.strangers(hero))
        for language in LANGUAGES:
            slots = stories.cast(stream, language, hero, friend, thing)
            wrong = [other[language] for other in stories.THINGS if other is not thing]
            found.append(record(stream, "lost", language, fill(STORY_ENDS["lost"][language], slots),
                                thing[language], wrong))
    for hero in world.PEOPLE:
        friend = stream.choice(stories.strangers(hero))
        for language in LANGUAGES:
            slots = stories.cast(stream, language, hero, friend, stories.THINGS[0])
            # Who practised is named first or second, so that the order of the names gives nothing away.
            begins, rivals, ends = STORY_ENDS["practice"][language]
            ask = " ".join(fill(part, slots) for part in begins + tuple(stream.shuffled(rivals)) + ends)
            choices = stream.shuffled([slots["h"], slots["f"]])
            found.append({"prompt": ask, "choices": choices, "answer": choices.index(slots["h"]),
                          "kind": "practice", "language": language})
    return found


def make_eval():
    return {"eval/facts.jsonl": make_facts(), "eval/sums.jsonl": make_sums(), "eval/stories.jsonl": make_stories()}
