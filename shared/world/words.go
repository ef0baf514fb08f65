package world

// Noun is a thing with its forms, its class and the one colour that it has in this world.
type Noun struct{ Name, Plural, French, Class, Colour string }

// Adjective has its opposite in the next or the previous row of the table. Comparative is "-"
// where English has none of one word.
type Adjective struct{ Name, Comparative, French string }

// Verb has its past, its -ing form and its French infinitive.
type Verb struct{ Name, Past, Ing, French string }

const nounTable = `
cat cats chat animal grey
dog dogs chien animal brown
horse horses cheval animal brown
cow cows vache animal white
bird birds oiseau animal blue
wolf wolves loup animal grey
fox foxes renard animal red
mouse mice souris animal grey
rabbit rabbits lapin animal white
duck ducks canard animal yellow
goat goats chèvre animal white
bear bears ours animal brown
snake snakes serpent animal green
frog frogs grenouille animal green
bee bees abeille animal yellow
pig pigs cochon animal pink
apple apples pomme food red
pear pears poire food green
cherry cherries cerise food red
lemon lemons citron food yellow
grape grapes raisin food purple
plum plums prune food purple
peach peaches pêche food pink
onion onions oignon food brown
carrot carrots carotte food orange
bean beans haricot food green
egg eggs œuf food white
cake cakes gâteau food brown
hammer hammers marteau tool black
knife knives couteau tool grey
key keys clé tool yellow
rope ropes corde tool brown
needle needles aiguille tool grey
spoon spoons cuillère tool grey
fork forks fourchette tool grey
brush brushes brosse tool black
broom brooms balai tool yellow
saw saws scie tool blue
ladder ladders échelle tool red
bucket buckets seau tool blue
chair chairs chaise furniture brown
bed beds lit furniture white
lamp lamps lampe furniture yellow
mirror mirrors miroir furniture grey
shelf shelves étagère furniture brown
desk desks bureau furniture black
shirt shirts chemise clothing blue
hat hats chapeau clothing black
shoe shoes chaussure clothing black
coat coats manteau clothing green
dress dresses robe clothing pink
glove gloves gant clothing red
sock socks chaussette clothing orange
belt belts ceinture clothing brown
scarf scarves écharpe clothing purple
car cars voiture vehicle red
boat boats bateau vehicle white
ship ships navire vehicle black
bicycle bicycles vélo vehicle green
plane planes avion vehicle white
cart carts charrette vehicle brown
truck trucks camion vehicle orange
drum drums tambour instrument red
flute flutes flûte instrument yellow
bell bells cloche instrument yellow
violin violins violon instrument brown
guitar guitars guitare instrument orange
harp harps harpe instrument yellow
trumpet trumpets trompette instrument yellow
tree trees arbre plant green
flower flowers fleur plant pink
leaf leaves feuille plant green
root roots racine plant brown
branch branches branche plant brown
seed seeds graine plant black
house houses maison building white
church churches église building grey
tower towers tour building grey
bridge bridges pont building red
school schools école building yellow
castle castles château building grey
mill mills moulin building white
river rivers rivière nature blue
stone stones pierre nature grey
star stars étoile nature yellow
cloud clouds nuage nature white
island islands île nature green
lake lakes lac nature blue
hand hands main body pink
foot feet pied body pink
tooth teeth dent body white
nose noses nez body red
king kings roi person purple
queen queens reine person white
child children enfant person blue
man men homme person black
woman women femme person green
book books livre thing blue
letter letters lettre thing white
cup cups tasse thing white
bottle bottles bouteille thing green
box boxes boîte thing brown
ball balls balle thing orange
clock clocks horloge thing black
`

const adjectiveTable = `
big bigger grand
small smaller petit
hot hotter chaud
cold colder froid
old older vieux
young younger jeune
fast faster rapide
slow slower lent
high higher haut
low lower bas
long longer allongé
short shorter court
strong stronger fort
weak weaker faible
hard harder dur
soft softer doux
light lighter clair
dark darker sombre
rich richer riche
poor poorer pauvre
clean cleaner propre
dirty dirtier sale
dry drier sec
wet wetter mouillé
full fuller plein
empty emptier vide
happy happier heureux
sad sadder triste
thick thicker épais
thin thinner mince
wide wider large
narrow narrower étroit
loud louder bruyant
quiet quieter silencieux
sweet sweeter sucré
sour sourer acide
early earlier tôt
late later tard
near nearer proche
far farther loin
brave braver courageux
shy shyer timide
kind kinder gentil
cruel crueller méchant
deep deeper profond
shallow shallower superficiel
sharp sharper pointu
blunt blunter émoussé
safe safer sûr
risky riskier risqué
warm warmer tiède
cool cooler frais
smooth smoother lisse
rough rougher rugueux
lazy lazier paresseux
busy busier occupé
proud prouder fier
humble humbler modeste
tight tighter serré
loose looser lâche
tidy tidier rangé
messy messier désordonné
cheap cheaper économique
dear dearer cher
good better bon
bad worse mauvais
polite politer poli
rude ruder grossier
simple simpler facile
complex - compliqué
healthy healthier sain
sick sicker malade
`

const verbTable = `
walk walked walking marcher
eat ate eating manger
drink drank drinking boire
sleep slept sleeping dormir
run ran running courir
write wrote writing écrire
sing sang singing chanter
dance danced dancing danser
swim swam swimming nager
fly flew flying voler
buy bought buying acheter
sell sold selling vendre
give gave giving donner
take took taking prendre
open opened opening ouvrir
close closed closing fermer
speak spoke speaking parler
hear heard hearing entendre
think thought thinking penser
know knew knowing savoir
find found finding trouver
lose lost losing perdre
play played playing jouer
work worked working travailler
cook cooked cooking cuisiner
wash washed washing laver
build built building construire
break broke breaking casser
draw drew drawing dessiner
paint painted painting peindre
teach taught teaching enseigner
learn learned learning apprendre
fall fell falling tomber
climb climbed climbing grimper
jump jumped jumping sauter
throw threw throwing lancer
catch caught catching attraper
carry carried carrying porter
hide hid hiding cacher
begin began beginning commencer
finish finished finishing finir
wait waited waiting attendre
help helped helping aider
love loved loving aimer
hate hated hating détester
call called calling appeler
send sent sending envoyer
forget forgot forgetting oublier
choose chose choosing choisir
grow grew growing grandir
laugh laughed laughing rire
cry cried crying pleurer
smile smiled smiling sourire
travel travelled travelling voyager
live lived living vivre
push pushed pushing pousser
pull pulled pulling tirer
`

// Nouns lists the things of the world.
func Nouns() []Noun {
	var ns []Noun
	for _, f := range rows(nounTable) {
		ns = append(ns, Noun{f[0], f[1], f[2], f[3], f[4]})
	}
	return ns
}

// Adjectives lists the adjectives; 2i and 2i+1 are opposites.
func Adjectives() []Adjective {
	var as []Adjective
	for _, f := range rows(adjectiveTable) {
		as = append(as, Adjective{f[0], f[1], f[2]})
	}
	return as
}

// Verbs lists the verbs.
func Verbs() []Verb {
	var vs []Verb
	for _, f := range rows(verbTable) {
		vs = append(vs, Verb{f[0], f[1], f[2], f[3]})
	}
	return vs
}

// title is a word with its first letter large. The tables begin with ASCII letters wherever it is used.
func title(w string) string {
	if w == "" {
		return w
	}
	return string(w[0]-'a'+'A') + w[1:]
}
