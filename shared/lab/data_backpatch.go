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

// hopPocket are landmarks of Pocket's world whose two hops no text composes.
const hopPocket = `
Silent Garden|Mongolia|Ulaanbaatar
Amber Museum|Angola|Luanda
Red Fountain|Senegal|Dakar
Iron Bridge|Cameroon|Yaounde
Crystal Garden|Austria|Vienna
Crystal Tower|Uganda|Kampala
Royal Bridge|Tunisia|Tunis
Glass Palace|Serbia|Belgrade
Little Bridge|Tunisia|Tunis
Black Market|Gabon|Libreville
Red Market|Kazakhstan|Astana
Royal Temple|Namibia|Windhoek
White Gate|Iraq|Baghdad
Black Tower|Egypt|Cairo
Amber Tower|Romania|Bucharest
White Palace|Iceland|Reykjavik
Golden Museum|Nigeria|Abuja
Silent Temple|Albania|Tirana
Little Garden|Lebanon|Beirut
Silver Market|Mozambique|Maputo
Royal Gate|Uzbekistan|Tashkent
Iron Market|Italy|Rome
Golden Gate|Japan|Tokyo
Crystal Fountain|Philippines|Manila
Old Museum|Philippines|Manila
Glass Market|Kazakhstan|Astana
Silver Fountain|Spain|Madrid
Glass Garden|Australia|Canberra
Silver Palace|Finland|Helsinki
Black Temple|Ghana|Accra
`

// hopHomes are people of that world, their spouses and the homes of these.
const hopHomes = `
Max Marsh|Paul Reed|Iceland
Anna Lane|Henry Ford|Qatar
Clara York|Felix York|Zambia
Tina Webb|Sam Frost|Somalia
Walter Hale|Nora Nash|Guinea
Olga Snow|Maria Nash|England
Tina Reed|Anna Hill|Philippines
Anna Reed|Kate Lane|Kazakhstan
Tina Fisher|Ben Hale|Spain
Hugo Marsh|Ben York|Uruguay
Anna Hill|Tina Reed|Ghana
Paul Dale|Simon Wells|Uruguay
Vera Baker|Peter Hale|Iraq
Oscar Baker|Henry Nash|Samoa
Max Dale|Alice Marsh|Chile
Ben Reed|Henry Frost|Gabon
Walter Snow|Clara Fisher|Thailand
Tina Ford|Tina Nash|Cameroon
Alice Baker|Victor Hill|Uruguay
Olga York|Maria York|Japan
`
