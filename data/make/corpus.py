"""The corpus: documents of facts, sums and stories, each language in its own files."""
from . import stories, sums, world
from .facts import BY_KEY, FACTS, PERSON_ATTRIBUTES, TRAINED, about
from .language import en_list, fill, ko_list, native, with_particle
from .rng import Stream
from .world import EN, KO

# Bytes of text for each file, without the JSON around it.
SIZES = {("facts", EN): 380_000, ("facts", KO): 390_000, ("sums", EN): 140_000, ("sums", KO): 140_000,
         ("stories", EN): 190_000, ("stories", KO): 210_000}


def portrait(stream, language):
    """Four to seven things about one person, in any order; who it is stays clear from the first sentence on."""
    person = stream.choice(world.PEOPLE)
    attributes = stream.sample(PERSON_ATTRIBUTES, 4 + stream.below(4))
    said = []
    for before, attribute in zip([None] + attributes, attributes):
        # After a friend or a sibling, "she" might be either, so the name is said again.
        pronoun = before not in (None, "friend", "sibling") and stream.chance(40)
        said.append(stream.choice(about(person, attribute).sayings(language, pronoun)))
    return " ".join(said)


def assorted(stream, language):
    """Three to five facts about anything, each naming its subject."""
    return " ".join(stream.choice(fact.sayings(language)) for fact in stream.sample(FACTS, 3 + stream.below(3)))


def town(stream, language):
    """A town with its sights and the people who live there."""
    place = stream.choice(world.TOWN_FACTS)["name"]
    said = [stream.choice(BY_KEY[kind, place.key].sayings(language)) for kind in ("landmark", "product", "roof")]
    people = [person for person in world.PEOPLE if person.facts["town"] is place]
    names = [person.name[language] for person in stream.shuffled(people)]
    together = en_list(names) + " live in " + place.en + "." if language == EN else \
        with_particle(ko_list(names), "은") + " " + place.ko + "에 살아요."
    said.insert(stream.below(len(said) + 1), together)
    person = stream.choice(people)
    more = about(person, stream.choice([a for a in PERSON_ATTRIBUTES if a != "town"]))
    return " ".join(said + [stream.choice(more.sayings(language))])


ALIKE = {
    "town": ("{m} both live in {v}.", "{m|은} 둘 다 {v}에 살아요."),
    "pet": ("{m} both have {v|a}.", "{m|은} 둘 다 {v|을} 키워요."),
    "colour": ("{m} both like {v} best.", "{m|은} 둘 다 {v|을} 가장 좋아해요."),
    "food": ("{m} have the same favourite food: {v}.", "{m|은} 둘 다 {v|을} 가장 좋아해요."),
    "hobby": ("{m} have the same hobby: {v}.", "{m|은} 취미가 같아요. 둘 다 {v|을} 즐겨요."),
}
UNLIKE = {
    "town": ("{a} lives in {v}, but {b} lives in {w}.", "{a|은} {v}에 살지만 {b|은} {w}에 살아요."),
    "job": ("{a} is {v|a}, and {b} is {w|a}.", "{a|은} {v|이고} {b|은} {w|이에요}."),
    "pet": ("{a} has {v|a}, but {b} has {w|a}.", "{a|은} {v|을} 키우지만 {b|은} {w|을} 키워요."),
    "colour": ("{a} likes {v} best, but {b} likes {w} best.", "{a|은} {v|을} 가장 좋아하지만 {b|은} {w|을} 가장 좋아해요."),
    "food": ("{a} likes {v} best, but {b} would rather eat {w}.", "{a|은} {v|을} 좋아하지만 {b|은} {w|을} 더 좋아해요."),
    "hobby": ("{a} enjoys {v}, and {b} enjoys {w}.", "{a|은} {v|을} 즐기고 {b|은} {w|을} 즐겨요."),
}


def compared(stream, language):
    """Two people side by side, two or three times."""
    said = []
    for _ in range(2 + stream.below(2)):
        attribute = stream.choice(sorted(UNLIKE))
        a, b = stream.sample(world.PEOPLE, 2)
        v, w = a.facts[attribute], b.facts[attribute]
        which = 0 if language == EN else 1
        if v is w:
            both = [a.name[language], b.name[language]]
            names = en_list(both) if language == EN else ko_list(both)
            said.append(fill(ALIKE[attribute][which], {"m": names, "v": v[language]}))
        else:
            said.append(fill(UNLIKE[attribute][which],
                             {"a": a.name[language], "b": b.name[language], "v": v[language], "w": w[language]}))
    return " ".join(said)


def talk(stream, language):
    """Somebody asks a person two or three questions, who answers in the first person."""
    person = stream.choice(world.PEOPLE)
    asker = stream.choice([other for other in world.PEOPLE if other is not person])
    said = []
    for attribute in stream.sample(PERSON_ATTRIBUTES, 2 + stream.below(2)):
        question, reply = about(person, attribute).talk(language)
        if language == EN:
            said += ["\"%s\" asked %s." % (question, asker.key), "\"%s,\" said %s." % (reply[:-1], person.key)]
        else:
            said += ["\"%s\" 하고 %s 물었어요." % (question, with_particle(asker.name.ko, "이")),
                     "\"%s\" 하고 %s 대답했어요." % (reply, with_particle(person.name.ko, "이"))]
    return " ".join(said)


def questions(stream, language):
    """Questions with their answers, one pair a line; none is held out."""
    lines = [stream.choice(fact.trained_questions(language)) + " " + fact.answer(language)
             for fact in stream.sample(TRAINED, 2 + stream.below(3))]
    return "\n".join(lines)


def animals(stream, language):
    said = []
    for animal, _, _ in stream.sample(world.ANIMALS, 2 + stream.below(2)):
        for kind in stream.shuffled(["home", "diet"]):
            said.append(stream.choice(BY_KEY[kind, animal.key].sayings(language)))
    return " ".join(said)


FACT_KINDS = {portrait: 26, assorted: 18, compared: 4, talk: 6, questions: 36, town: 5, animals: 5}


def some_sum(stream):
    """A sum that is not held out, in digits more often than in words: digits serve both languages."""
    words = stream.chance(35)
    return stream.choice([s for s in sums.TRAINED if s.words == words])


def sheet(stream, language):
    """Bare equations, one a line: the same in both languages."""
    some = [sums.Sum(*some_sum(stream).key) for _ in range(5 + stream.below(6))]
    return "\n".join("%d %s %d = %d" % (s.left, s.sign, s.right, s.result) for s in some)


def table(stream, language):
    """A row of sums in which one number grows by one."""
    sign, fixed = stream.choice("+-"), stream.below(sums.LARGEST + 1)
    other = range(sums.LARGEST + 1 - fixed) if sign == "+" else range(fixed + 1)
    start = stream.below(max(1, len(other) - 4))
    row = [sums.Sum(fixed, sign, n) for n in other[start:start + 5 + stream.below(4)]]
    row = [s for s in row if not sums.is_held_out(s)]
    return "\n".join("%d %s %d = %d" % (s.left, s.sign, s.right, s.result) for s in row)


def said_sums(stream, language):
    return " ".join(stream.choice(some_sum(stream).sayings(language)) for _ in range(3 + stream.below(3)))


def family(stream, language):
    """The four sums of one family, in one way of writing."""
    total = some_sum(stream)
    (a, b), words = stream.shuffled(total.addends()), total.words
    first = sums.Sum(a, "+", b, words)
    four = [first, sums.Sum(b, "+", a, words), sums.Sum(a + b, "-", a, words), sums.Sum(a + b, "-", b, words)]
    return " ".join(s.sayings(language)[0] for s in (four if a != b else four[::2]))


def two_ways(stream, language):
    """The same sum in digits and in words."""
    total = stream.choice([s for s in sums.TRAINED if not s.words])
    spelled = sums.Sum(*total.key, words=True)
    return total.answer(language) + " " + stream.choice(spelled.sayings(language))


def sum_questions(stream, language):
    lines = []
    for total in (some_sum(stream) for _ in range(2 + stream.below(3))):
        lines.append(stream.choice(total.questions(language)) + " " + total.answer(language))
    return "\n".join(lines)


def counting(stream, language):
    start = stream.below(sums.LARGEST - 4)
    row = list(range(start, min(sums.LARGEST + 1, start + 5 + stream.below(5))))
    if stream.chance(40):
        row = row[::-1]
    words = stream.chance(50)
    spelled = [sums.Sum(n, "+", 0, words).number(n, language) for n in row]
    if language == KO:
        return "%s까지 세어 봐요: %s." % (
            fill("{a}에서 {b}", {"a": spelled[0], "b": spelled[-1]}), ", ".join(spelled))
    return "Count from %s to %s: %s." % (spelled[0], spelled[-1], ", ".join(spelled))


GAINS = [("{h} has {n1}. {f} gives {o} {m} more. Now {h} has {n2}.",
          "{h}에게 {n1|이} 있어요. {f|이} {m|을} 더 주었어요. 이제 {h}에게는 {n2|이} 있어요."),
         ("There are {n1} in the basket. {h} puts in {m} more. Now there are {n2} in the basket.",
          "바구니에 {n1|이} 있어요. {h|이} {m|을} 더 넣었어요. 이제 바구니에는 {n2|이} 있어요.")]
LOSSES = [("{h} has {n1}. {s} gives {m} of them to {f}. Now {h} has {n2}.",
           "{h}에게 {n1|이} 있어요. {h|은} {f}에게 {m|을} 주었어요. 이제 {h}에게는 {n2|이} 있어요."),
          ("{h} buys {n1}. {s} eats {m} of them. Now {s} has {n2} left.",
           "{h|은} {n1|을} 샀어요. 그중에서 {m|을} 먹었어요. 이제 {n2|이} 남았어요.")]


def problem(stream, language):
    total = stream.choice([s for s in sums.TRAINED if s.left > 1 and s.right > 0 and s.result > 1 and not s.words])
    hero, friend = stream.sample(world.PEOPLE, 2)
    fruit = stream.choice(stories.FRUIT)
    slots = {"h": hero.name[language], "f": friend.name[language], "o": "her" if hero.woman else "him",
             "s": "she" if hero.woman else "he", "n1": stories.count_words(total.left, fruit, language),
             "n2": stories.count_words(total.result, fruit, language),
             "m": native(total.right) + " 개" if language == KO else str(total.right)}
    template = stream.choice(GAINS if total.sign == "+" else LOSSES)[0 if language == EN else 1]
    return fill_all(template, slots)


def fill_all(template, slots):
    """A template of several sentences, each with its capital letter."""
    return " ".join(fill(part + ".", slots) for part in template[:-1].split(". "))


SUM_KINDS = {sheet: 22, table: 15, said_sums: 14, family: 8, two_ways: 12, sum_questions: 22, counting: 3, problem: 6}


def documents(kind, language):
    """Documents of one file until its size is reached, none twice, none that shows a held-out sum."""
    stream, seen, size = Stream("corpus", kind, language), set(), 0
    while size < SIZES[kind, language]:
        if kind == "stories":
            text = stories.corpus_story(stream, language)
        else:
            text = stream.weighted(FACT_KINDS if kind == "facts" else SUM_KINDS)(stream, language)
        if not text or text in seen or (kind == "sums" and sums.leaks(text)):
            continue
        seen.add(text)
        size += len(text.encode("utf-8"))
        yield {"text": text}


def make_corpus():
    return {"corpus/%s_%s.jsonl" % (kind, language): list(documents(kind, language)) for kind, language in SIZES}
