"""Names of the demo organisation: common given names and surnames of fourteen languages.

Notation: the native form, or native=ascii if removing the diacritics does not give the ASCII form for e-mail
addresses.
"""

from dataclasses import dataclass

from identity_manager.models.person_search.text import fold


@dataclass(frozen=True)
class Name:
    """A name in its own script, and in ASCII for the local part of an e-mail."""

    native: str
    ascii: str


@dataclass(frozen=True)
class Culture:
    """Names of one language. weight: percentage of persons. joint: separator of the display name's parts.

    language: of the portals for these persons. surname_first: order in the display name.
    """

    weight: int
    language: str
    given: tuple[Name, ...]
    surnames: tuple[Name, ...]
    surname_first: bool = False
    joint: str = " "


def _names(text: str) -> tuple[Name, ...]:
    return tuple(_name(part.strip()) for part in text.split(","))


def _german(text: str) -> tuple[Name, ...]:
    """As _names, with the German transliteration of umlauts (ä: ae), where other languages drop the dots."""
    names = [name.native for name in _names(text)]
    spelt = [native.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue") for native in names]
    return tuple(Name(native, _ascii(spelling)) for native, spelling in zip(names, spelt, strict=True))


def _name(text: str) -> Name:
    native, _separator, ascii_form = text.partition("=")
    return Name(native, ascii_form or _ascii(native))


def _ascii(native: str) -> str:
    folded = fold(native).replace(" ", "-")
    return "".join(symbol for symbol in folded if symbol.isalpha() or symbol == "-")


GERMAN = Culture(
    30, "de",
    _german(
        "Anna, Jürgen, Björn, Käthe, Lukas, Sophie, Matthias, Jörg, Günther, Hannah, Felix, Maximilian, Mia,"
        " Leonie, Uwe, Steffen, Karl-Heinz, Marie-Luise, Sören, Annegret, Tobias, Ulrike, Frauke, Hermann"
    ),
    _german(
        "Müller, Schmidt, Schäfer, Weiß, Groß, Köhler, Schröder, Jäger, Vogt, Böhm, Krüger, Lehmann, Huber,"
        " Zimmermann, Löwe, von der Heide, zu Hohenfels, Meyer-Landrut, Strauß, Brückner, Fuchs, Wöhrle,"
        " Kaiser, Thoß, Hübner, Pfeiffer, Engelhardt"
    ),
)  # fmt: skip
ENGLISH = Culture(
    14, "en",
    _names(
        "Emily, Oliver, Siobhán, James, Charlotte, Seán, Grace, Harry, Zoë, Noah, Róisín, Chloë, William,"
        " Eleanor, Mary-Ann, Ethan"
    ),
    _names(
        "Smith, O'Neill, Taylor, MacDonald, Wright, O'Brien, Walker, Fitzgerald, Thompson, Hughes,"
        " Bell-Irving, Cooper, D'Arcy, Edwards, Clarke, Featherstonehaugh"
    ),
)  # fmt: skip
SWEDISH = Culture(
    8, "en",
    _names("Åsa, Björn, Märta, Göran, Linnéa, Håkan, Örjan, Elsa, Torbjörn, Agneta, Sven-Åke, Maja"),
    _names("Åkesson, Lindqvist, Sjögren, Öberg, Nyström, Hägglund, Bergström, Ekström, Sandström, Löfgren"),
)  # fmt: skip
POLISH = Culture(
    8, "en",
    _names("Łukasz, Małgorzata, Paweł, Zofia, Wojciech, Agnieszka, Michał, Bożena, Świętosława, Stanisław"),
    _names("Nowak, Wójcik, Zając, Gałązka, Krawczyk, Kość, Gąsior, Sęk, Żuraw, Brzęczyszczykiewicz"),
)  # fmt: skip
TURKISH = Culture(
    7, "de",
    _names("Ayşe, İbrahim, Çağla, Gökhan, Şule, Uğur, Ömer, Irmak, Özlem, Yağmur, Emre, Büşra"),
    _names("Yılmaz, Öztürk, Şahin, Çelik, Aydın, Güneş, Kılıç, Doğan, Işık, Karagöz, Çakır"),
)  # fmt: skip
JAPANESE = Culture(
    5, "en",
    _names(
        "太郎=taro, 花子=hanako, 健一=kenichi, 美咲=misaki, 翔太=shota, 陽菜=hina, さくら=sakura,"
        " 大輔=daisuke, 直樹=naoki, 恵子=keiko, 一郎=ichiro, 結衣=yui"
    ),
    _names(
        "山田=yamada, 佐藤=sato, 鈴木=suzuki, 高橋=takahashi, 田中=tanaka, 渡辺=watanabe, 伊藤=ito,"
        " 中村=nakamura, 小林=kobayashi, 加藤=kato, 吉田=yoshida"
    ),
    surname_first=True, joint="",
)  # fmt: skip
ARABIC = Culture(
    5, "en",
    _names(
        "محمد=mohammed, فاطمة=fatima, عمر=omar, ليلى=layla, يوسف=yusuf, زينب=zaynab, خالد=khalid,"
        " مريم=maryam, أحمد=ahmad, نور=nour, حسن=hassan"
    ),
    _names(
        "حداد=haddad, الخطيب=al-khatib, منصور=mansour, النجار=al-najjar, خليل=khalil, السيد=al-sayed,"
        " صالح=saleh, عباس=abbas, الحسيني=al-husseini"
    ),
)  # fmt: skip
GREEK = Culture(
    5, "en",
    _names(
        "Ελένη=eleni, Γιώργος=giorgos, Κατερίνα=katerina, Νίκος=nikos, Σοφία=sofia, Δημήτρης=dimitris,"
        " Αικατερίνη=aikaterini, Ιωάννης=ioannis, Μαρία=maria"
    ),
    _names(
        "Οικονόμου=oikonomou, Γεωργίου=georgiou, Βασιλείου=vasileiou, Αθανασίου=athanasiou,"
        " Νικολάου=nikolaou, Παπαϊωάννου=papaioannou, Χατζηχρήστου=chatzichristou,"
        " Παπαχριστοδούλου=papachristodoulou"
    ),
)  # fmt: skip
CZECH = Culture(
    5, "de",
    _names("Jiří, Tereza, Zdeněk, Kateřina, Ondřej, Lukáš, Žofie, Matěj, Božena, Řehoř, Vojtěch"),
    _names("Krejčí, Kočí, Hořejší, Martinů, Janů, Petrů, Dolejší, Šetlíků, Jírů, Řezáčů, Žižků"),
)  # fmt: skip
VIETNAMESE = Culture(
    4, "en",
    _names("Thị Hương, Văn Đức, Minh Châu, Quốc Bảo, Ngọc Ánh, Thanh Tùng, Diễm Quỳnh, Hữu Phước"),
    _names("Nguyễn, Trần, Phạm, Đặng, Vũ, Đỗ, Huỳnh, Bùi, Lê"),
    surname_first=True,
)  # fmt: skip
UKRAINIAN = Culture(
    4, "en",
    _names(
        "Олена=olena, Андрій=andrii, Наталія=nataliia, Сергій=serhii, Ганна=hanna, Юрій=yurii,"
        " Софія=sofiia, Богдан=bohdan"
    ),
    _names(
        "Шевченко=shevchenko, Коваленко=kovalenko, Бондаренко=bondarenko, Ґудзик=gudzyk,"
        " Ткаченко=tkachenko, Щербак=shcherbak, Яременко=yaremenko"
    ),
)  # fmt: skip
KOREAN = Culture(
    2, "en",
    _names("민준=minjun, 서연=seoyeon, 영희=younghee, 지훈=jihoon, 하은=haeun, 준호=junho"),
    _names("김=kim, 이=lee, 박=park, 최=choi, 정=jung, 강=kang"),
    surname_first=True, joint="",
)  # fmt: skip
CHINESE = Culture(
    2, "en",
    _names("伟=wei, 秀英=xiuying, 娜=na, 建国=jianguo, 丽华=lihua, 明=ming, 思远=siyuan"),
    _names("王=wang, 李=li, 张=zhang, 刘=liu, 陈=chen, 欧阳=ouyang, 黄=huang"),
    surname_first=True, joint="",
)  # fmt: skip
INDIAN = Culture(
    1, "en",
    _names("प्रिया=priya, अर्जुन=arjun, दीपिका=deepika, राहुल=rahul"),
    _names("शर्मा=sharma, गुप्ता=gupta, सिंह=singh, पटेल=patel"),
)  # fmt: skip

CULTURES = (
    GERMAN, ENGLISH, SWEDISH, POLISH, TURKISH, JAPANESE, ARABIC, GREEK, CZECH, VIETNAMESE, UKRAINIAN,
    KOREAN, CHINESE, INDIAN,
)  # fmt: skip
