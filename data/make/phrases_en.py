"""English wordings of every fact. {n} subject, {p} its possessive (Mina's, her), {o} the object form (Mina, her),
{s} and {p2} the pronouns that go on about it (she, her), {v} the value, {t} the thing, {w} the word for the sibling.

answer: the one sentence in which a question is answered; it is also the first of the sayings.
say:    other ways in which the corpus states the fact.
me:     the fact in the first person, asked for by `you`.
ask:    questions. later: questions of a second turn, when the subject is known.
cloze:  a wording that only data/eval uses.
"""

PERSON = {
    "town": {
        "answer": "{n} lives in {v}.",
        "say": ["{p} home is in {v}.", "{n} has a house in {v}.", "{p} home town is {v}.",
                "If you look for {o}, go to {v}."],
        "you": "Where do you live, {n}?", "me": "I live in {v}.",
        "ask": ["Where does {n} live?", "In which town does {n} live?", "What is {n}'s home town?",
                "Which town does {n} live in?"],
        "later": ["Where does {n} live?", "What is {p} home town?"],
        "cloze": "The town in which {n} has a home is called",
    },
    "job": {
        "answer": "{n} is {v|a}.",
        "say": ["{p} job is that of {v|a}.", "{n} works as {v|a}.", "{n} is a very good {v}.",
                "Every day {n} works as {v|a}."],
        "you": "What is your job, {n}?", "me": "I am {v|a}.",
        "ask": ["What is {n}'s job?", "What does {n} do for a living?", "What work does {n} do?",
                "Can you tell me {n}'s job?"],
        "later": ["What is {p} job?", "What work does {n} do?"],
        "cloze": "{p} trade, as everybody knows, is that of the",
    },
    "pet": {
        "answer": "{n} has {v|a}.",
        "say": ["{p} pet is {v|a}.", "{n} keeps {v|a} at home.", "{n} takes good care of {v|a}.",
                "At home {v|a} waits for {o}."],
        "you": "What pet do you have, {n}?", "me": "I have {v|a}.",
        "ask": ["What pet does {n} have?", "Which animal does {n} have at home?", "What kind of pet does {n} keep?",
                "What animal is {n}'s pet?"],
        "later": ["What pet does {n} have?", "What animal is {p} pet?"],
        "cloze": "The animal that {n} has as a pet is a kind of",
    },
    "pet_name": {
        "answer": "{p} pet is called {v}.",
        "say": ["The name of {p} pet is {v}.", "{n} calls {p2} pet {v}.", "{n} has a pet called {v}.",
                "{v} is {p} pet."],
        "you": "What do you call your pet, {n}?", "me": "My pet is called {v}.",
        "ask": ["What is {n}'s pet called?", "What is the name of {n}'s pet?", "What does {n} call {p2} pet?",
                "Can you tell me the name of {n}'s pet?"],
        "later": ["What is {p} pet called?", "What is the name of {p} pet?"],
        "cloze": "The pet at {n}'s home answers to the name",
    },
    "colour": {
        "answer": "{p} favourite colour is {v}.",
        "say": ["{n} likes the colour {v} best.", "{n} loves {v} more than any other colour.",
                "Of all colours, {n} likes {v} best.",
                "{n} paints everything {v}, because {v} is {p2} favourite colour."],
        "you": "Which colour do you like best, {n}?", "me": "I like {v} best.",
        "ask": ["What is {n}'s favourite colour?", "Which colour does {n} like best?",
                "What colour is {n}'s favourite?", "Which colour does {n} love most?"],
        "later": ["What is {p} favourite colour?", "Which colour does {n} like best?"],
        "cloze": "Asked for the best colour, {n} would say",
    },
    "food": {
        "answer": "{p} favourite food is {v}.",
        "say": ["{n} likes to eat {v} best.", "{n} loves {v} more than any other food.", "{n} often eats {v}.",
                "When {n} is hungry, {s} eats {v}."],
        "you": "What do you like to eat, {n}?", "me": "I like {v} best.",
        "ask": ["What is {n}'s favourite food?", "What does {n} like to eat best?", "Which food does {n} love most?",
                "What food is {n}'s favourite?"],
        "later": ["What is {p} favourite food?", "What does {n} like to eat best?"],
        "cloze": "The dish that {n} would choose is",
    },
    "hobby": {
        "answer": "{p} hobby is {v}.",
        "say": ["{n} enjoys {v} in {p2} free time.", "{n} likes nothing more than {v}.", "{n} loves {v}.",
                "On free days {n} has time for {v}."],
        "you": "What is your hobby, {n}?", "me": "My hobby is {v}.",
        "ask": ["What is {n}'s hobby?", "What does {n} enjoy in {p2} free time?", "Which hobby does {n} have?",
                "What hobby does {n} love?"],
        "later": ["What is {p} hobby?", "Which hobby does {n} have?"],
        "cloze": "The thing that {n} does for fun is",
    },
    "friend": {
        "answer": "{p} best friend is {v}.",
        "say": ["{n} and {v} are best friends.", "{n} likes {v} more than any other friend.",
                "{n} tells {v} everything, because {v} is {p2} best friend.", "{n} has a best friend called {v}."],
        "you": "Who is your best friend, {n}?", "me": "My best friend is {v}.",
        "ask": ["Who is {n}'s best friend?", "Who is the best friend of {n}?", "What is {n}'s best friend called?",
                "Can you tell me who {n}'s best friend is?"],
        "later": ["Who is {p} best friend?", "What is {p} best friend called?"],
        "cloze": "The person that {n} counts as the closest friend is",
    },
    "sibling": {
        "answer": "{p} {w} is {v}.",
        "say": ["{n} has {w|a} called {v}.", "{v} is {p} {w}.", "The name of {p} {w} is {v}.",
                "{n} grew up with {p2} {w} {v}."],
        "you": "What is your {w} called, {n}?", "me": "My {w} is {v}.",
        "ask": ["Who is {n}'s {w}?", "What is {n}'s {w} called?", "What is the name of {n}'s {w}?",
                "Can you tell me who {n}'s {w} is?"],
        "later": ["Who is {p} {w}?", "What is {p} {w} called?"],
        "cloze": "The {w} with whom {n} grew up has the name",
    },
    "place": {
        "answer": "{p} {t} is {v}.",
        "say": ["{n} keeps {p2} {t} {v}.", "You can find {p} {t} {v}.", "{n} has {t|a}, and it is {v}.",
                "{p} {t} is always {v}."],
        "you": "Where is your {t}, {n}?", "me": "My {t} is {v}.",
        "ask": ["Where is {n}'s {t}?", "Where does {n} keep {p2} {t}?", "Where can I find {n}'s {t}?",
                "Do you know where {n}'s {t} is?"],
        "later": ["Where is {p} {t}?", "Where does {n} keep {p2} {t}?"],
        "cloze": "To get the {t} that belongs to {n}, look",
    },
}

# Questions the other way round and the facts about towns and animals; {n} is the subject.
OTHER = {
    "who_job": {
        "answer": "The {n} is {v}.", "say": ["The name of the {n} is {v}.", "{v} is the {n}."],
        "ask": ["Who is the {n}?", "What is the name of the {n}?", "What is the {n} called?",
                "Can you tell me who the {n} is?"],
        "cloze": "The work of the {n} is done by",
    },
    "landmark": {
        "answer": "{n} has {v|a}.",
        "say": ["There is {v|a} in {n}.", "The {v} is in {n}.", "People go to {n} to see the {v}."],
        "ask": ["What can I see in {n}?", "What is there to see in {n}?", "Which sight does {n} have?",
                "What should I visit in {n}?"],
        "cloze": "Guests who come to {n} take pictures of the",
    },
    "product": {
        "answer": "{n} is famous for its {v}.",
        "say": ["The {v} from {n} is very good.", "Everybody buys {v} from {n}.", "People in {n} sell {v}."],
        "ask": ["What is {n} famous for?", "What do people in {n} sell?", "What is {n} known for?",
                "What can I buy in {n}?"],
        "cloze": "The best thing to bring home from {n} is",
    },
    "roof": {
        "answer": "The roofs in {n} are {v}.",
        "say": ["All the houses in {n} have {v} roofs.", "You know {n} by its {v} roofs.",
                "Every roof in {n} is {v}."],
        "ask": ["What colour are the roofs in {n}?", "Which colour do the roofs in {n} have?",
                "What colour is every roof in {n}?", "Which roofs do the houses in {n} have?"],
        "cloze": "Seen from above, the houses of {n} look",
    },
    "home": {
        "answer": "{n} live {v}.", "say": ["You can find {n} {v}.", "{n} make their home {v}.", "Look for {n} {v}."],
        "ask": ["Where do {n} live?", "Where do {n} make their home?", "Where can I find {n}?",
                "Do you know where {n} live?"],
        "cloze": "The place where most {n} spend their lives is",
    },
    "diet": {
        "answer": "{n} eat {v}.",
        "say": ["The food of {n} is {v}.", "{n} like to eat {v}.", "Hungry {n} look for {v}."],
        "ask": ["What do {n} eat?", "What is the food of {n}?", "What do {n} like to eat?",
                "Do you know what {n} eat?"],
        "cloze": "The meal that fills {n} is",
    },
}
