"""Facts as values, and their sentences and questions in both languages."""
from . import phrases_en, phrases_ko, world
from .language import fill
from .rng import Stream
from .world import EN, KO

PHRASES = {EN: {**phrases_en.PERSON, **phrases_en.OTHER}, KO: {**phrases_ko.PERSON, **phrases_ko.OTHER}}
PERSON_ATTRIBUTES = tuple(phrases_en.PERSON)
VALUES = {
    "town": world.TOWNS, "job": world.JOBS, "pet": world.PETS, "pet_name": world.PET_NAMES, "colour": world.COLOURS,
    "food": world.FOODS, "hobby": world.HOBBIES, "place": world.PLACES, "landmark": world.LANDMARKS,
    "product": world.PRODUCTS, "roof": world.COLOURS, "friend": [person.name for person in world.PEOPLE],
    "sibling": [person.name for person in world.PEOPLE], "who_job": [person.name for person in world.PEOPLE],
    "home": [animal[1] for animal in world.ANIMALS], "diet": [animal[2] for animal in world.ANIMALS],
}


class Fact:
    """One thing that is true. subject and value are Names; person is set when it is about a person."""

    def __init__(self, attribute, subject, value, person=None):
        self.attribute, self.subject, self.value, self.person = attribute, subject, value, person
        self.key = (attribute, subject.key)

    def slots(self, language, pronoun=False, value=None):
        """What fills a template; `pronoun` names an English person by she or he; `value` replaces the true one."""
        slots = {"n": self.subject[language], "v": (value or self.value)[language]}
        if self.person is not None:
            slots["t"] = self.person.facts["thing"][language]
            slots["w"] = self.person.sibling_word()[language]
            she, her, him = ("she", "her", "her") if self.person.woman else ("he", "his", "him")
            slots["s"], slots["p2"] = she, her
            slots["p"], slots["o"] = (her, him) if pronoun else (slots["n"] + "'s", slots["n"])
            if pronoun and language == EN:
                slots["n"] = she
        return slots

    def phrases(self, language):
        return PHRASES[language][self.attribute]

    def answer(self, language, value=None):
        """The sentence in which a question about this fact is answered."""
        return fill(self.phrases(language)["answer"], self.slots(language, value=value))

    def sayings(self, language, pronoun=False, value=None):
        """Every wording of the fact; with a pronoun, in Korean those that leave the subject out."""
        phrases, slots = self.phrases(language), self.slots(language, pronoun, value)
        if pronoun and language == KO:
            return [fill(template, slots) for template in phrases["drop"]]
        return [fill(template, slots) for template in [phrases["answer"]] + phrases["say"]]

    def questions(self, language):
        """Every wording of the question, held-out ones among them."""
        return [fill(template, self.slots(language)) for template in self.phrases(language)["ask"]]

    def unseen_wording(self, language):
        """The one wording in which no training file asks for this fact, or None: half of the facts have one."""
        stream = Stream("held out", "wording", language, *self.key)
        wording = stream.choice(self.questions(language))
        return wording if stream.chance(50) else None

    def trained_questions(self, language):
        """The wordings in which training files may ask; none for a fact that is held out whole."""
        if self.key in HELD_OUT:
            return []
        return [text for text in self.questions(language) if text != self.unseen_wording(language)]

    def unseen_questions(self, language):
        return [text for text in self.questions(language) if text not in self.trained_questions(language)]

    def later_questions(self, language):
        """Questions that leave the person to be understood from the turn before."""
        if self.person is None:
            return []
        return [fill(template, self.slots(language, pronoun=True)) for template in self.phrases(language)["later"]]

    def talk(self, language):
        """(question put to the person, answer in the first person)."""
        slots, phrases = self.slots(language), self.phrases(language)
        return fill(phrases["you"], slots), fill(phrases["me"], slots)

    def bare(self, language, value=None):
        """The shortest answer: the value alone, as a sentence."""
        word = (value or self.value)[language]
        return word[0].upper() + word[1:] + "."

    def cloze(self, language):
        return fill(self.phrases(language)["cloze"], self.slots(language))

    def others(self):
        """The wrong values of the same attribute; a person is not his own friend, and a brother is a man."""
        banned = {self.value.key, self.subject.key}
        if self.attribute in ("friend", "sibling"):
            banned |= {self.person.facts[tie].key for tie in ("friend", "sibling")}
        if self.attribute == "sibling":
            woman = self.person.facts["sibling"].woman
            banned |= {person.key for person in world.PEOPLE if person.woman != woman}
        return [value for value in VALUES[self.attribute] if value.key not in banned]


def make_facts():
    facts = []
    for person in world.PEOPLE:
        for attribute in PERSON_ATTRIBUTES:
            value = person.facts[attribute]
            value = value.name if isinstance(value, world.Person) else value
            facts.append(Fact(attribute, person.name, value, person))
    for person in world.PEOPLE:
        facts.append(Fact("who_job", person.facts["job"], person.name))
    for town in world.TOWN_FACTS:
        for attribute in ("landmark", "product", "roof"):
            facts.append(Fact(attribute, town["name"], town[attribute]))
    for animal, home, diet in world.ANIMALS:
        facts += [Fact("home", animal, home), Fact("diet", animal, diet)]
    return facts


HELD_OUT_PEOPLE = 3   # of the people, for every attribute that is not mutual
HELD_OUT_PAIRS = 1    # of the pairs of friends, and of siblings
HELD_OUT_TOWNS = 1    # of the towns, for each attribute
HELD_OUT_ANIMALS = 1  # of the animals, for each attribute


def choose_held_out(facts):
    """The keys of the facts that no training question asks; a mutual fact goes with its mirror image."""
    keys = set()
    for attribute in PERSON_ATTRIBUTES:
        stream = Stream("held out", attribute)
        if attribute in ("friend", "sibling"):
            for person in stream.shuffled(world.PEOPLE):
                chosen = sum(1 for key in keys if key[0] == attribute)
                other = person.facts[attribute]
                if chosen < 2 * HELD_OUT_PAIRS and (attribute, person.key) not in keys:
                    keys |= {(attribute, person.key), (attribute, other.key)}
            continue
        for person in stream.sample(world.PEOPLE, HELD_OUT_PEOPLE):
            keys.add((attribute, person.key))
            if attribute == "job":
                keys.add(("who_job", person.facts["job"].key))
    for attribute, count in (("landmark", HELD_OUT_TOWNS), ("product", HELD_OUT_TOWNS), ("roof", HELD_OUT_TOWNS),
                             ("home", HELD_OUT_ANIMALS), ("diet", HELD_OUT_ANIMALS)):
        same = [fact.key for fact in facts if fact.attribute == attribute]
        keys |= set(Stream("held out", attribute).sample(same, count))
    return keys


FACTS = make_facts()
BY_KEY = {fact.key: fact for fact in FACTS}
HELD_OUT = choose_held_out(FACTS)
TRAINED = [fact for fact in FACTS if fact.key not in HELD_OUT]
UNSEEN = [fact for fact in FACTS if fact.key in HELD_OUT]


def about(person, attribute):
    return BY_KEY[(attribute, person.key)]
