"""Conversations: questions about the world, sums and story requests, with answers in good and in middling style."""
from . import stories, sums
from .facts import FACTS, HELD_OUT, TRAINED
from .language import fill
from .rng import Stream
from .world import EN, KO, LANGUAGES

CLOSINGS = {
    EN: ["Glad to help!", "Have a nice day!", "Ask me again any time!"],
    KO: ["도움이 되어 기뻐요!", "좋은 하루 보내세요!", "언제든지 또 물어보세요!"],
}
FILLERS = {
    EN: ["That is what I know.", "I am sure of it.", "I hope that is right."],
    KO: ["제가 알기로는 그래요.", "틀림없어요.", "맞았으면 좋겠어요."],
}
SYSTEM = {
    EN: ["You are a helpful assistant.", "You answer short questions politely.",
         "You know the six towns and the people who live there."],
    KO: ["당신은 친절한 도우미예요.", "짧은 질문에 공손하게 대답해 주세요.", "당신은 여섯 마을과 그곳 사람들을 잘 알아요."],
}
AND = {EN: "And {n}?", KO: "{n|은}요?"}

# How the answers of the training conversations are written, in percent. Only "good" is what the gold scorer wants.
STYLES = {"plain": 40, "good": 28, "filler": 12, "double": 10, "bare": 10}


class Question:
    """One question of any kind with all that a response needs: topic is a Fact, a Sum or a (person, thing) pair."""

    def __init__(self, kind, topic, language, text):
        self.kind, self.topic, self.language, self.text = kind, topic, language, text

    def answer(self, stream):
        """The plain right answer; for a story, one of many."""
        if self.kind == "story":
            return stories.short_story(stream, self.language, *self.topic)
        return self.topic.answer(self.language)

    def wrong(self, stream):
        """An answer of the right form that is not true; for a story, one about somebody or something else."""
        if self.kind != "story":
            others = self.topic.others()
            value = others[0] if self.kind == "sum" and stream.chance(50) else stream.choice(others)
            return self.topic.answer(self.language, value)
        unseen = (self.topic[0].key, self.topic[1].key) in stories.UNSEEN_PAIRS
        while True:
            hero, thing = self.topic
            if stream.chance(50):
                hero = stream.choice(stories.strangers(hero, thing))
            else:
                thing = stream.choice([other for other in stories.THINGS if other is not thing])
            story = stories.short_story(stream, self.language, hero, thing, asked=self.topic[0])
            # A training pair must not bring a held-out hero and thing together by chance.
            if unseen or not stories.shows_unseen(self.text + " " + story, self.language):
                return story

    def group(self):
        """The kind, with the facts that are held out whole as a kind of their own."""
        return "unasked" if self.kind == "fact" and self.topic.key in HELD_OUT else self.kind

    def expected(self):
        """(subject, answer) as bare words, for held-out files; a story has no single answer."""
        if self.kind == "fact":
            return self.topic.subject[self.language], self.topic.value[self.language]
        if self.kind == "sum":
            return None, str(self.topic.result)
        return None, None


def every_question(unseen):
    """Every question of the world that is held out (or of those that are not), in every wording and language."""
    found = []
    for language in LANGUAGES:
        for fact in FACTS:
            texts = fact.unseen_questions(language) if unseen else fact.trained_questions(language)
            found += [Question("fact", fact, language, text) for text in texts]
        for total in sums.UNSEEN if unseen else sums.TRAINED:
            texts = [text for text in total.questions(language) if unseen or not sums.leaks(text)]
            found += [Question("sum", total, language, text) for text in texts]
        for pair in stories.pairs(unseen):
            slots = {"h": pair[0].name[language], "t": pair[1][language]}
            found += [Question("story", pair, language, fill(ask, slots)) for ask in stories.ASK[language]]
    return found


def pick(stream, questions, counts):
    """`counts` questions of each group and language, each text once."""
    taken, seen = [], set()
    for (kind, language), count in counts.items():
        pool = [q for q in questions if q.group() == kind and q.language == language]
        some = []
        for question in stream.shuffled(pool):
            if len(some) < count and question.text not in seen:
                seen.add(question.text)
                some.append(question)
        if len(some) < count:
            raise ValueError("only %d questions of %s in %s" % (len(some), kind, language))
        taken += some
    return stream.shuffled(taken)


def styled(stream, question, style):
    """An answer in one of the STYLES. A story is never bare: it has no short form."""
    language, text = question.language, question.answer(stream)
    if style == "bare" and question.kind != "story":
        return question.topic.bare(language)
    if style == "good":
        return text + " " + stream.choice(CLOSINGS[language])
    if style == "filler":
        return text + " " + stream.choice(FILLERS[language])
    if style == "double":
        return text + " " + " ".join(stream.sample(CLOSINGS[language], 2))
    return text


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def maybe_system(stream, language, percent):
    if not stream.chance(percent):
        return []
    return [{"role": "system", "content": stream.choice(SYSTEM[language])}]


def follow_up(stream, question):
    """A question that can follow a fact about a person: of the same person without the name, or of another one."""
    fact, language = question.topic, question.language
    others = [other for other in TRAINED if other.person is not None]
    if stream.chance(60):
        same = [o for o in others if o.person is fact.person and o.attribute != fact.attribute]
        if same:
            later = stream.choice(same)
            return Question("fact", later, language, stream.choice(later.later_questions(language)))
    # What is asked of another must read the same for both: the word for a sibling and the thing differ by person.
    same_ask = [o for o in others if o.attribute == fact.attribute and o.person is not fact.person
                and o.person.facts["thing"] is fact.person.facts["thing"]
                and o.person.sibling_word().key == fact.person.sibling_word().key] \
        if fact.attribute in ("place", "sibling") else \
        [o for o in others if o.attribute == fact.attribute and o.person is not fact.person]
    if not same_ask:
        return None
    other = stream.choice(same_ask)
    return Question("fact", other, language, fill(AND[language], {"n": other.subject[language]}))


def conversation(stream, question):
    """One training conversation; a fact about a person may be followed by one or two more questions."""
    messages = maybe_system(stream, question.language, 20)
    turns = 0
    while question is not None:
        style = stream.weighted(STYLES)
        messages += [user(question.text), assistant(styled(stream, question, style))]
        turns += 1
        person = question.kind == "fact" and question.topic.person is not None
        question = follow_up(stream, question) if person and turns < 3 and stream.chance(35) else None
    return {"messages": messages}


def held_out_record(question):
    subject, answer = question.expected()
    record = {"messages": [user(question.text), assistant(question.topic.answer(question.language))],
              "kind": question.kind, "language": question.language, "answer": answer}
    if subject is not None:
        record.update(subject=subject, asked=question.group() == "fact")
    return record


def both(**counts):
    """{(kind, language): count} with the same count in both languages."""
    return {(kind, language): count for kind, count in counts.items() for language in LANGUAGES}


def make_sft():
    train = Stream("sft", "train")
    questions = pick(train, every_question(unseen=False), both(fact=580, sum=350, story=140))
    held = Stream("sft", "heldout")
    unseen = pick(held, every_question(unseen=True), both(fact=50, unasked=50, sum=60))
    return [conversation(train, q) for q in questions], [held_out_record(q) for q in unseen]


def prompt_record(stream, question, percent):
    subject, answer = question.expected()
    record = {"prompt": maybe_system(stream, question.language, percent) + [user(question.text)],
              "kind": question.kind, "language": question.language}
    if answer is not None:
        record["answer"] = answer
    if subject is not None:
        record.update(subject=subject, asked=question.group() == "fact")
    return record


def make_prompts():
    train, held = Stream("prompts", "train"), Stream("prompts", "heldout")
    questions = pick(train, every_question(unseen=False), both(fact=300, sum=240, story=60))
    unseen = pick(held, every_question(unseen=True), both(fact=25, unasked=25, sum=50, story=20))
    return [prompt_record(train, q, 20) for q in questions], [prompt_record(held, q, 0) for q in unseen]
