"""The world: who lives in it and what is true there. Every value has its English and its Korean name."""
from .rng import Stream

EN, KO = "en", "ko"
LANGUAGES = (EN, KO)


class Name:
    """A thing with two names; `key` is the English one."""

    def __init__(self, en, ko):
        self.key, self.en, self.ko = en, en, ko

    def __getitem__(self, language):
        return self.en if language == EN else self.ko


def names(text):
    return [Name(*(part.strip() for part in line.split("|"))) for line in text.strip().splitlines()]


WOMEN = names("""
Mina|미나
Sora|소라
Dasom|다솜
Jiyun|지윤
Anna|안나
Lucy|루시
Nora|노라
Helen|헬렌""")
MEN = names("""
Minho|민호
Junseo|준서
Donghyun|동현
Sanghyuk|상혁
Leo|레오
Oscar|오스카
Martin|마틴
Peter|피터""")
TOWNS = names("""
Riverside|강가마을
Pinewood|솔숲마을
Stonebridge|돌다리마을
Sunfield|햇살마을
Moonlake|달빛마을
Windhill|바람마을""")
JOBS = names("""
baker|제빵사
doctor|의사
teacher|선생님
farmer|농부
painter|화가
singer|가수
writer|작가
nurse|간호사
pilot|조종사
driver|운전사
carpenter|목수
firefighter|소방관
librarian|사서
engineer|기술자
judge|판사
actor|배우""")
PETS = names("""
cat|고양이
dog|강아지
rabbit|토끼
parrot|앵무새
turtle|거북이
hamster|햄스터
goat|염소
duck|오리""")
PET_NAMES = names("""
Coco|코코
Max|맥스
Bella|벨라
Rocky|로키
Luna|루나
Ruby|루비
Ginger|진저
Pepper|페퍼
Muffin|머핀
Lucky|럭키
Teddy|테디
Felix|펠릭스
Hazel|헤이즐
Bruno|브루노
Melon|멜론
Robin|로빈""")
COLOURS = names("""
red|빨간색
blue|파란색
green|초록색
yellow|노란색
white|하얀색
black|검은색
purple|보라색
pink|분홍색""")
FOODS = names("""
soup|수프
noodles|국수
apple pie|사과파이
dumplings|만두
pancakes|팬케이크
salad|샐러드
curry|카레
gimbap|김밥""")
HOBBIES = names("""
swimming|수영
chess|체스
hiking|등산
running|달리기
cycling|자전거 타기
knitting|뜨개질
reading|책 읽기
skating|스케이트 타기""")
THINGS = names("""
umbrella|우산
key|열쇠
hat|모자
watch|손목시계
bag|가방
cup|컵
notebook|공책
camera|카메라""")
PLACES = names("""
under the bed|침대 밑
behind the door|문 뒤
on the shelf|선반 위
in the drawer|서랍 안
in the basket|바구니 안
next to the lamp|램프 옆
on the chair|의자 위
in the cupboard|찬장 안""")
LANDMARKS = names("""
harbour|항구
library|도서관
museum|박물관
market|시장
theatre|극장
windmill|풍차""")
PRODUCTS = names("""
fish|생선
honey|꿀
bread|빵
rice|쌀
salt|소금
cheese|치즈""")
# An animal, where it lives, what it eats.
ANIMALS = [tuple(names(line.replace(";", "\n"))) for line in """
cows|젖소;on farms|농장;grass|풀
owls|올빼미;in old trees|오래된 나무;moths|나방
squirrels|다람쥐;in forests|숲속;acorns|도토리
penguins|펭귄;on cold coasts|추운 바닷가;fish|물고기
monkeys|원숭이;in jungles|정글;bananas|바나나
camels|낙타;in deserts|사막;thorny bushes|가시나무
hens|암탉;in barns|헛간;corn|옥수수
bees|꿀벌;in hives|벌집;nectar|꽃꿀""".strip().splitlines()]


class Person:
    def __init__(self, name, woman):
        self.name, self.woman, self.key = name, woman, name.key
        self.facts = {}  # attribute → Name; friend and sibling → Person

    def sibling_word(self):
        """What this person calls the sibling, which in Korean depends on both sexes and on who is older."""
        sibling, older = self.facts["sibling"], not self.facts["elder"]
        english = ("older " if older else "younger ") + ("sister" if sibling.woman else "brother")
        if not older:
            korean = "여동생" if sibling.woman else "남동생"
        elif self.woman:
            korean = "언니" if sibling.woman else "오빠"
        else:
            korean = "누나" if sibling.woman else "형"
        return Name(english, korean)


def spread(values, count, *purpose):
    """`count` values in random order, each as often as any other (or once more)."""
    repeated = [values[i % len(values)] for i in range(count)]
    return Stream("world", *purpose).shuffled(repeated)


def make_people():
    people = [Person(name, True) for name in WOMEN] + [Person(name, False) for name in MEN]
    simple = {"town": TOWNS, "job": JOBS, "pet": PETS, "pet_name": PET_NAMES, "colour": COLOURS, "food": FOODS,
              "hobby": HOBBIES, "thing": THINGS, "place": PLACES}
    for attribute, values in simple.items():
        for person, value in zip(people, spread(values, len(people), attribute)):
            person.facts[attribute] = value
    # Siblings share the half of the table their names come from; friends come from the two halves, so no friend
    # is a sibling.
    half = len(WOMEN) // 2
    korean = people[:half] + people[len(WOMEN):len(WOMEN) + half]
    western = [person for person in people if person not in korean]
    for group in (korean, western):
        order = Stream("world", "siblings", group[0].key).shuffled(group)
        for elder, younger in zip(order[0::2], order[1::2]):
            elder.facts.update(sibling=younger, elder=True)
            younger.facts.update(sibling=elder, elder=False)
    for one, other in zip(korean, Stream("world", "friends").shuffled(western)):
        one.facts["friend"], other.facts["friend"] = other, one
    return people


def make_towns():
    roofs = Stream("world", "roofs").sample(COLOURS, len(TOWNS))
    return [{"name": town, "landmark": mark, "product": product, "roof": roof}
            for town, mark, product, roof in zip(TOWNS, LANDMARKS, PRODUCTS, roofs)]


PEOPLE = make_people()
TOWN_FACTS = make_towns()
