"""English plots. A plot is a row of places, each with the sentences that may stand there; every row makes a story in
which the end follows from the beginning. An empty sentence leaves its place out.

{h} the hero, {s} {p2} {o} the hero's pronouns; {f} the friend who helps, {fs} {fp} {fo} that one's; {t} the thing.
"""

OPENINGS = ["One day", "One morning", "On a sunny day", "Last Sunday", "One evening"]

# Short plots: what a story request is answered with; every sentence is one sentence, without quotation marks.
SHORT = {
    "lost": [
        ["{when}, {h} lost {p2} {t}.", "{when}, {p} {t} was gone.", "{when}, {h} could not find {p2} {t}."],
        ["{f} came to help, and they looked everywhere.", "{f} helped {o} to look for it.",
         "{s} looked in every room, and {f} helped {o}."],
        ["At last they found the {t} {spot}.", "In the end {f} saw the {t} {spot}.", "The {t} was {spot}."],
        ["{h} was very happy to have it back.", "{h} thanked {f} and smiled.", "{h} was happy again."],
    ],
    "gift": [
        ["{when}, {h} wanted to give {f} a present.", "{when}, it was {f2} birthday, and {h} thought about a present.",
         "{when}, {h} went to see {f} with a box."],
        ["{s} put {t|a} in a nice box.", "{s} packed {t|a} in blue paper.", "In the present there was {t|a}."],
        ["{f} opened the present and saw the {t}.", "{f} was surprised when {fs} saw the {t}."],
        ["{f} thanked {h} and was very happy.", "They looked at the {t} together, and {f} was happy.",
         "{f} said that it was the best present of all."],
    ],
    "dull": [
        ["It rained all day, and {h} was bored.", "{when}, {h} was alone and bored.",
         "{when}, {h} was bored and had nothing to do."],
        ["Then {f} came with {t|a}.", "Then {f} brought {t|a}.", "{f} knocked at the door and had {t|a} with {fo}."],
        ["They enjoyed the {t} together for a long time.", "For hours they had fun with the {t}.",
         "They took turns with the {t} and laughed a lot."],
        ["{h} was not bored any more.", "In the end {h} was happy.", "{h} thanked {f} for the lovely day."],
    ],
}

# Long plots, for the corpus alone.
LONG = {
    "lost": [
        ["{h} lives in {town}.", "In {town} lives {h}.", ""],
        ["{when}, {h} lost {p2} {t}.", "{when}, {p} {t} was gone.", "{when}, {h} could not find {p2} {t}."],
        ["{h} loved the {t}, so {s} was very sad.", "{s} was sad, because {s} loved the {t}."],
        ["{s} asked {p2} friend {f} for help.", "{h} went to {f} and asked for help."],
        ["\"Do not be sad,\" said {f}.", "\"I will help you,\" said {f}.", "\"Let us look for it,\" said {f}."],
        ["First they looked {wrong}, but the {t} was not there.", "They looked {wrong}, but they found nothing."],
        ["Then they looked {spot}, and there was the {t}!", "Then {f} looked {spot} and found the {t}."],
        ["\"Thank you,\" said {h}.", "\"Thank you, {f},\" said {h} with a smile."],
        ["From that day on, {h} took good care of the {t}.", "{h} never lost the {t} again.",
         "{h} went home with the {t} and was happy."],
    ],
    "gift": [
        ["{f} is {p} best friend.", "{h} and {f} are best friends."],
        ["Soon it was {f2} birthday.", "{when}, it was {f2} birthday."],
        ["{h} thought, \"What can I give {f}?\"", "{h} wanted to find a good present."],
        ["{s} knew that {f} likes {colour} best.", "{f2} favourite colour is {colour}, and {h} knew it."],
        ["So {h} painted {t|a} {colour} and put it in a box.", "So {s} looked for {t|a} in {colour} and packed it."],
        ["{f} opened the box and saw the {colour} {t}.", "When {f} saw the {colour} {t}, {fs} laughed with joy."],
        ["\"It is {colour}! That is my favourite colour,\" said {f}.", "\"How did you know my colour?\" asked {f}.",
         "\"This is the best present,\" said {f}."],
        ["{h} was glad that {f} was happy.", "They had cake and were happy all day."],
    ],
    "rain": [
        ["{when}, {h} walked to {town2}.", "{when}, {h} was on the way to {town2}."],
        ["Dark clouds came, and it began to rain.", "The sky turned dark, and soon it rained hard."],
        ["{h} had no umbrella and got wet.", "{h} had left {p2} umbrella at home."],
        ["{s} stood under a tree and waited.", "{s} ran to a house and stood by the door."],
        ["Then {f} came with a big umbrella.", "Just then {f} came along with an umbrella."],
        ["\"Come under my umbrella,\" said {f}.", "\"There is room for two,\" said {f}."],
        ["They walked on together, and {h} stayed dry.", "Under the umbrella they walked to {town2} and stayed dry."],
        ["Then the sun came out, and they saw a rainbow.", "At last the rain stopped, and the sun came out."],
        ["\"Thank you for the umbrella,\" said {h}.", "{h} thanked {f} and gave {fo} some warm tea."],
    ],
    "pet": [
        ["{h} has {pet|a} called {petname}.", "{petname} is {pet|a}, and {h} takes good care of it."],
        ["{when}, {petname} slipped out of the house.", "{when}, the door was open, and {petname} slipped out."],
        ["{h} called, \"{petname}, where are you?\"", "{h} called for the {pet} again and again."],
        ["{s} looked {wrong}, but {petname} was not there.", "It was not {wrong}."],
        ["{f} heard {h} and came to help.", "{p} friend {f} came to help."],
        ["They put some food on the ground and waited.", "{f} had an idea and brought some food."],
        ["Soon {petname} smelled the food and came out.", "{petname} was hungry and came out of its hiding place."],
        ["{h} took the {pet} in {p2} arms and carried it home.", "{h} laughed and held {petname} close."],
        ["Now {h} always shuts the door.", "After that day {petname} never got lost again."],
    ],
    "practice": [
        ["There was a big {hobby} contest in {town}.", "{town} was getting ready for a {hobby} contest."],
        ["{h} wanted to win.", "{h} wanted to be the best."],
        ["{h} practised every morning and every evening.", "Every day {h} got up early and practised."],
        ["{f} did not practise at all and slept all day.", "{f} only laughed and did not practise."],
        ["\"I do not need to practise,\" said {f}.", "\"I will win without practice,\" said {f}.", ""],
        ["Then the day of the contest came.", "At last it was the day of the contest."],
        ["{h} did everything right, but {f} was soon tired.", "{f} was tired at once, but {h} was well prepared."],
        ["{h} won, because {s} had practised.", "So {h} came first, and {f} came last."],
        ["\"Next time I will practise too,\" said {f}.", "{f} learned that practice helps."],
    ],
    "meal": [
        ["{when}, {h} came home and was very hungry.", "{when}, {h} was hungry after a long walk."],
        ["{s} wanted to eat {food}, which is {p2} favourite food.",
         "{p} favourite food is {food}, so {s} wanted to cook it."],
        ["But the kitchen was empty.", "But there was nothing in the kitchen."],
        ["{h} went to {f} and told {fo} about it.", "{f} heard about it and came with a full basket."],
        ["\"Let us cook together,\" said {f}.", "\"We can cook it in my kitchen,\" said {f}."],
        ["They washed, cut and cooked for an hour.", "{h} cut everything small, and {f} cooked it."],
        ["Soon the whole house smelled good.", "At last the meal was ready.", ""],
        ["They ate the {food}, and nobody was hungry any more.", "They ate all the {food} and were full."],
    ],
    "market": [
        ["{when}, {h} went to {town2}.", "{when}, {h} took the bus to {town2}."],
        ["{town2} is famous for its {product}.", "The {product} from {town2} is very good."],
        ["{h} bought some {product} and put it in {p2} bag.", "{s} bought a lot of {product} there."],
        ["{s} also went to see the {landmark}.", "Then {s} looked at the {landmark} of {town2}."],
        ["Later {h} came home to {town}.", "Then {s} went back to {town}."],
        ["{f} was waiting at the door.", "On the way home {h} met {f}."],
        ["\"I have some {product} for you,\" said {h}.", "{h} gave {f} half of the {product}."],
        ["{f} liked the {product} from {town2} very much.", "{f} said thank you, and they ate together."],
    ],
    "fable": [
        ["{Animals} live {home}.", "There are many {animals} {home}."],
        ["{when}, a small one was very hungry.", "{when}, the smallest of them was hungry."],
        ["It wanted to eat {diet}, but there was nothing left.", "It looked for {diet}, but it found nothing."],
        ["A wise old one said, \"Follow me.\"", "An old one saw this and was sorry."],
        ["They went a long way together.", "The old one showed the small one the way."],
        ["At last they found a lot of {diet}.", "There they saw more {diet} than ever before."],
        ["The small one ate and ate until it was full.", "Both of them ate until they were full."],
        ["It never forgot the help of the old one.", "From then on, the two were friends."],
    ],
    "dark": [
        ["One night, {h} stayed alone in {p2} house in {town}.", "One night, {h} was alone at home in {town}."],
        ["It was dark, and {h} heard a noise.", "Suddenly there was a strange noise."],
        ["{h} was afraid.", "{s} was afraid and could not sleep."],
        ["{s} called {f}, and {f} came at once.", "{s} ran to {f} and told {fo} everything."],
        ["{f} took a light and looked {spot}.", "Together they took a light and looked {spot}."],
        ["There sat {p} {pet} {petname}, and nobody else!", "It was only {petname}, {p2} {pet}!"],
        ["Both of them laughed.", "{h} laughed, and {f} laughed too."],
        ["After that {h} slept well and was not afraid any more.", "Now {h} was not afraid of the noise any more."],
    ],
    "share": [
        ["{when}, {h} had {n1}.", "{h} had {n1} in {p2} basket."],
        ["{f} had none and looked sad.", "{f} was hungry and had nothing to eat."],
        ["So {h} gave {fo} {m} of them.", "{h} gave {m} of them to {f}."],
        ["Then {h} had {n2} left.", "Now {h} had {n2}."],
        ["\"Thank you,\" said {f}.", "{f} was happy and said thank you."],
        ["Good friends share what they have.", "{h} was happy too, because {s} likes to share."],
    ],
}
