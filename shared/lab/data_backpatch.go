package lab

// The two-hop questions of the lesson backpatch: a relation of what another relation leads to.

// hopForms are the two relations of each list; a * stands for what they are asked of.
var hopForms = map[string][2]string{
	"landmarks":    {"the country of *", "The capital of *"},
	"languages":    {"the country of *", "The language of *"},
	"authors":      {"the author of *", "The country where * was born"},
	"Pocket":       {"the country of the *", "The capital of *"},
	"Pocket homes": {"the spouse of *", "The home of *"},
}

// hopLists are places, books or people with what the first relation leads to, and the second.
var hopLists = map[string]string{
	"landmarks": hopPlaces, "languages": hopPlaces, "authors": hopBooks, "Pocket": hopPocket, "Pocket homes": hopHomes,
}

// hopShots are demonstrations, both hops and a composition, for models that have not been trained on
// such sentences.
var hopShots = map[string]string{
	"landmarks": "The country of the Taj Mahal is India\nThe capital of Egypt is Cairo\nThe capital of the country of Mount Olympus is Athens\n",
	"languages": "The country of the Taj Mahal is India\nThe language of Egypt is Arabic\nThe language of the country of Mount Olympus is Greek\n",
	"authors":   "The author of Dracula is Bram Stoker\nThe country where Mark Twain was born is America\nThe country where the author of Lolita was born is Russia\n",
}

// hopPlaces are places, their country, its capital and its language.
const hopPlaces = `
the Eiffel Tower|France|Paris|French
the Brandenburg Gate|Germany|Berlin|German
Neuschwanstein Castle|Germany|Berlin|German
the Black Forest|Germany|Berlin|German
the Alhambra|Spain|Madrid|Spanish
the Sagrada Familia|Spain|Madrid|Spanish
Mount Fuji|Japan|Tokyo|Japanese
Himeji Castle|Japan|Tokyo|Japanese
Lake Baikal|Russia|Moscow|Russian
the Hermitage Museum|Russia|Moscow|Russian
the Colosseum|Italy|Rome|Italian
Mount Etna|Italy|Rome|Italian
Lake Como|Italy|Rome|Italian
the Little Mermaid|Denmark|Copenhagen|Danish
Kronborg Castle|Denmark|Copenhagen|Danish
the Blue Mosque|Turkey|Ankara|Turkish
Cappadocia|Turkey|Ankara|Turkish
the Vasa Museum|Sweden|Stockholm|Swedish
Wawel Castle|Poland|Warsaw|Polish
Gdansk|Poland|Warsaw|Polish
Mount Ararat|Turkey|Ankara|Turkish
Mont Saint-Michel|France|Paris|French
the Matterhorn|Switzerland|Bern|German
Angkor Wat|Cambodia|Phnom Penh|Khmer
Borobudur|Indonesia|Jakarta|Indonesian
Machu Picchu|Peru|Lima|Spanish
Lake Titicaca|Peru/Bolivia|Lima/La Paz|Spanish
Mount Kenya|Kenya|Nairobi|Swahili
the Atomium|Belgium|Brussels|Dutch/French
the Charles Bridge|the Czech Republic/Czech/Czechia|Prague|Czech
Bergen|Norway|Oslo|Norwegian
Persepolis|Iran|Tehran|Persian/Farsi
Ha Long Bay|Vietnam|Hanoi|Vietnamese
the Forbidden City|China|Beijing|Chinese/Mandarin
Mount Hekla|Iceland|Reykjavik|Icelandic
Kyoto|Japan|Tokyo|Japanese
`

// hopBooks are books, their authors and where these were born.
const hopBooks = `
Hamlet|William Shakespeare/Shakespeare|England
War and Peace|Leo Tolstoy/Tolstoy|Russia
Don Quixote|Miguel de Cervantes/Cervantes|Spain
The Divine Comedy|Dante|Italy
Faust|Johann Wolfgang von Goethe/Goethe|Germany
Les Misérables|Victor Hugo|France
Crime and Punishment|Fyodor Dostoevsky/Dostoevsky|Russia
The Little Prince|Antoine de Saint-Exupéry|France
Ulysses|James Joyce|Ireland
Oliver Twist|Charles Dickens|England
The Odyssey|Homer|Greece
One Hundred Years of Solitude|Gabriel García Márquez|Colombia
The Trial|Franz Kafka|Austria/Czech/Bohemia
Pippi Longstocking|Astrid Lindgren|Sweden
The Snow Queen|Hans Christian Andersen|Denmark
A Doll's House|Henrik Ibsen|Norway
`

// hopPocket are landmarks of Pocket's world whose two hops no text composes; in 22 of the
// lines it composes those of no other landmark of the country either.
const hopPocket = `
Great Tower|Samoa|Apia
Silver Library|Peru|Lima
Stone Temple|Guyana|Georgetown
Red Wall|Armenia|Yerevan
Silver Temple|Ireland|Dublin
Crystal Wall|Slovakia|Bratislava
Little Fountain|Ireland|Dublin
Great Temple|China|Beijing
Old Gate|Yemen|Sanaa
Lost Castle|Uzbekistan|Tashkent
Old Temple|Slovakia|Bratislava
Silent Temple|Albania|Tirana
Silent Palace|Colombia|Bogota
Green Bridge|Croatia|Zagreb
Great Museum|Laos|Vientiane
Black Fountain|Vietnam|Hanoi
Glass Garden|Australia|Canberra
Red Museum|Pakistan|Islamabad
White Museum|Switzerland|Bern
Silent Bridge|Hungary|Budapest
Little Museum|Croatia|Zagreb
Glass Library|Latvia|Riga
Silent Wall|Greece|Athens
Black Museum|Armenia|Yerevan
Iron Palace|Iceland|Reykjavik
Amber Gate|Estonia|Tallinn
Blue Castle|Germany|Berlin
Stone Palace|Estonia|Tallinn
Stone Garden|Kenya|Nairobi
Iron Fountain|Belgium|Brussels
`

// hopHomes are people of that world, their spouses and the homes of these, whose two hops no text composes.
const hopHomes = `
Clara Frost|Clara Wells|Lithuania
Alice York|Sam Hill|Slovenia
Tina Ford|Tina Nash|Cameroon
Lucy Hale|Vera Lane|Ukraine
Grace Marsh|David Frost|Japan
Nina Snow|Vera Hale|Jamaica
Anna Reed|Kate Lane|Kazakhstan
Kate Baker|Paul Ford|Kazakhstan
Lucy Dale|Walter Reed|Nicaragua
Ruth Dale|Jack Hill|Philippines
Felix Snow|Nora Dale|Italy
Anna Hale|Walter Cole|Italy
Jack Nash|Ruth Baker|Kazakhstan
Tina Reed|Anna Hill|Philippines
Ruth Reed|Max Reed|India
Vera Webb|Alice Webb|Algeria
Paul Ford|Kate Baker|Netherlands
Tina Fisher|Ben Hale|Spain
Paul Dale|Simon Wells|Uruguay
Leo Baker|Maria Dale|Namibia
`
