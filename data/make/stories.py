"""Stories: the plots, cast with the people, animals and things of the world."""
from . import plots_en, plots_ko, world
from .language import fill, native
from .rng import Stream
from .sums import LARGEST, leaks
from .world import EN, KO, names

PLOTS = {EN: plots_en, KO: plots_ko}
THINGS = names("""
balloon|풍선
lantern|등불
paper boat|종이배
violin|바이올린
treasure map|보물 지도
kite|방패연
music box|오르골
telescope|망원경
toy train|장난감 기차
puppet|인형
puzzle|퍼즐
drum|작은북""")
SPOTS = names("""
behind a big tree|큰 나무 뒤
under the old bridge|낡은 다리 밑
beside the well|우물가
in the tall grass|높은 풀숲
behind the garden wall|정원 담 뒤
under the kitchen table|부엌 식탁 밑
in the attic|다락방
on the roof|지붕 위""")
FRUIT = [("apple", "apples", "사과"), ("pear", "pears", "배"), ("peach", "peaches", "복숭아"),
         ("orange", "oranges", "오렌지"), ("plum", "plums", "자두"), ("egg", "eggs", "달걀"),
         ("carrot", "carrots", "당근"), ("cookie", "cookies", "쿠키")]
HELD_OUT_PAIRS = 24
NAMES_A_FRIEND = ("gift", "lost", "pet")  # plots that call the helper a friend

ASK = {
    EN: ["Tell me a short story about {h} and {t|a}.", "Please write a little story with {h} and {t|a}.",
         "Can you tell me a story about {h} and {t|a}?"],
    KO: ["{h|과} {t}에 대한 짧은 이야기를 들려 주세요.", "{h|이} 나오는 {t} 이야기를 해 주세요.",
         "{h|과} {t|이} 나오는 이야기를 써 주세요."],
}
TITLE = {EN: "{h} and the {t}.", KO: "{h|과} {t}."}


def choose_pairs():
    """The pairs of a hero and a thing that no training file brings together."""
    every = [(person.key, thing.key) for person in world.PEOPLE for thing in THINGS]
    return set(Stream("held out", "stories").sample(every, HELD_OUT_PAIRS))


UNSEEN_PAIRS = choose_pairs()


def pairs(unseen):
    return [(person, thing) for person in world.PEOPLE for thing in THINGS
            if ((person.key, thing.key) in UNSEEN_PAIRS) == unseen]


def strangers(person, thing=None):
    """Those who are neither friend nor sibling, who may stand beside the hero without stating a fact; with a thing,
    those who may be named with it."""
    return [other for other in world.PEOPLE
            if other not in (person, person.facts["friend"], person.facts["sibling"])
            and (thing is None or (other.key, thing.key) not in UNSEEN_PAIRS)]


def shows_unseen(text, language):
    """Whether a text names a held-out hero and thing together."""
    return any(person.name[language] in text and thing[language] in text for person, thing in pairs(unseen=True))


def count_words(number, fruit, language):
    singular, plural, korean = fruit
    if language == KO:
        return korean + " " + native(number) + " 개"
    return str(number) + " " + (singular if number == 1 else plural)


def cast(stream, language, hero, friend, thing):
    """Everything that a plot may name."""
    spot, wrong = stream.sample(SPOTS, 2)
    town2 = stream.choice([town for town in world.TOWN_FACTS if town["name"] is not hero.facts["town"]])
    slots = {"when": stream.choice(PLOTS[language].OPENINGS), "h": hero.name[language], "f": friend.name[language],
             "t": thing[language], "spot": spot[language], "wrong": wrong[language],
             "town": hero.facts["town"][language], "pet": hero.facts["pet"][language],
             "petname": hero.facts["pet_name"][language], "colour": friend.facts["colour"][language],
             "food": hero.facts["food"][language], "hobby": stream.choice(world.HOBBIES)[language],
             "town2": town2["name"][language], "product": town2["product"][language],
             "landmark": town2["landmark"][language]}
    for person, subject, possessive, objective in ((hero, "s", "p2", "o"), (friend, "fs", "fp", "fo")):
        slots[subject], slots[possessive], slots[objective] = (
            ("she", "her", "her") if person.woman else ("he", "his", "him"))
    slots["p"], slots["f2"] = slots["h"] + "'s", slots["f"] + "'s"
    animal, home, diet = stream.choice(world.ANIMALS)
    slots.update(animals=animal[language], home=home[language], diet=diet[language])
    slots["Animals"] = slots["animals"].capitalize()
    total = 2 + stream.below(LARGEST - 1)
    given = 1 + stream.below(total - 1)
    fruit = stream.choice(FRUIT)
    slots["n1"], slots["n2"] = (count_words(n, fruit, language) for n in (total, total - given))
    slots["m"] = native(given) + " 개" if language == KO else str(given)
    return slots


def tell(stream, plot, slots):
    return " ".join(fill(sentence, slots) for sentence in (stream.choice(place) for place in plot) if sentence)


def short_story(stream, language, hero, thing, asked=None):
    """The answer to a story request; beside the hero stands somebody who is neither friend nor sibling, neither of the
    hero nor of the one who was asked for."""
    helpers = [other for other in strangers(hero, thing) if asked is None or other in strangers(asked)]
    plot = PLOTS[language].SHORT[stream.choice(sorted(plots_en.SHORT))]
    return tell(stream, plot, cast(stream, language, hero, stream.choice(helpers), thing))


def corpus_story(stream, language):
    """A story of the corpus, or None where it would show a held-out sum or bring a held-out pair together."""
    hero, thing = stream.choice(pairs(unseen=False))
    if stream.chance(50):
        title = fill(TITLE[language], {"h": hero.name[language], "t": thing[language]}) + "\n"
        return (title if stream.chance(70) else "") + short_story(stream, language, hero, thing)
    kind = stream.choice(sorted(plots_en.LONG))
    friend = hero.facts["friend"]
    if kind == "practice":
        friend = stream.choice(strangers(hero, thing))
    elif kind not in NAMES_A_FRIEND and stream.chance(30):
        friend = hero.facts["sibling"]
    if (friend.key, thing.key) in UNSEEN_PAIRS:
        return None
    text = tell(stream, PLOTS[language].LONG[kind], cast(stream, language, hero, friend, thing))
    return None if leaks(text) else text


def request(stream, language, hero, thing):
    return fill(stream.choice(ASK[language]), {"h": hero.name[language], "t": thing[language]})
