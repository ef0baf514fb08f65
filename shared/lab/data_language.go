package lab

// languageWords are nouns: English, French, German, Spanish, Chinese (in the characters that models have
// read most, then in those of Taiwan). Spellings that are both right
// stand beside each other, parted by a slash. The last four are demonstrations.
const languageWords = `
water eau Wasser agua 水
fire feu Feuer fuego 火
mountain montagne Berg montaña 山
flower fleur Blume flor 花
book livre Buch libro 书/書
dog chien Hund perro 狗
door porte Tür puerta 门/門
moon lune Mond luna 月
snow neige Schnee nieve 雪
fish poisson Fisch pez/pescado 鱼/魚
bird oiseau Vogel pájaro 鸟/鳥
horse cheval Pferd caballo 马/馬
cow vache Kuh vaca 牛
tree arbre Baum árbol 树/樹
heart cœur Herz corazón 心
eye œil Auge ojo 眼
road route Straße camino 路
river rivière Fluss río 河
sea mer Meer mar 海
cloud nuage Wolke nube 云/雲
rain pluie Regen lluvia 雨
star étoile Stern estrella 星
tea thé Tee té 茶
rice riz Reis arroz 米
salt sel Salz sal 盐/鹽
sugar sucre Zucker azúcar 糖
meat viande Fleisch carne 肉
egg œuf Ei huevo 蛋
king roi König rey 王
wind vent Wind viento 风/風
ear oreille Ohr oreja 耳
mouth bouche Mund boca 口/嘴
foot pied Fuß pie 脚/腳
hand main Hand mano 手
head tête Kopf cabeza 头/頭
stone pierre Stein piedra 石
village village Dorf pueblo 村
island île Insel isla 岛/島
bridge pont Brücke puente 桥/橋
ship bateau Schiff barco 船
sword épée Schwert espada 剑/劍
knife couteau Messer cuchillo 刀
bed lit Bett cama 床
chair chaise Stuhl silla 椅子/椅
table table Tisch mesa 桌子/桌
lamp lampe Lampe lámpara 灯/燈
clock horloge Uhr reloj 钟/鐘
mirror miroir Spiegel espejo 镜/鏡
window fenêtre Fenster ventana 窗
wall mur Wand pared 墙/牆
garden jardin Garten jardín 花园/花園
forest forêt Wald bosque 森林/林
grass herbe Gras hierba 草
leaf feuille Blatt hoja 叶/葉
root racine Wurzel raíz 根
apple pomme Apfel manzana 苹果/蘋果
wine vin Wein vino 酒
soup soupe Suppe sopa 汤/湯
oil huile Öl aceite 油
gold or Gold oro 金
silver argent Silber plata 银/銀
iron fer Eisen hierro 铁/鐵
song chanson Lied canción 歌
dream rêve Traum sueño 梦/夢
war guerre Krieg guerra 战/戰
blood sang Blut sangre 血
bone os Knochen hueso 骨
skin peau Haut piel 皮
tooth dent Zahn diente 牙/齿/齒
hair cheveu/cheveux Haar pelo 发/髮
sheep mouton Schaf oveja 羊
pig cochon Schwein cerdo 猪/豬
rabbit lapin Hase conejo 兔
snake serpent Schlange serpiente 蛇
tiger tigre Tiger tigre 老虎/虎
bee abeille Biene abeja 蜂
ice glace Eis hielo 冰
sand sable Sand arena 沙
night nuit Nacht noche 夜
summer été Sommer verano 夏
winter hiver Winter invierno 冬
morning matin Morgen mañana 早晨/早上
cat chat Katze gato 猫/貓
house maison Haus casa 房子/家
sun soleil Sonne sol 太阳/太陽/日
bread pain Brot pan 面包/麵包
`

// languageColumns are the columns of languageWords with the language's name of itself.
var languageColumns = []struct{ name, own string }{
	{"English", "English"}, {"French", "Français"}, {"German", "Deutsch"}, {"Spanish", "Español"}, {"Chinese", "中文"},
}

// languageOpposites are French adjectives of Pocket's world, their opposites, and the English of these.
const languageOpposites = `
acide sucré sweet
allongé court short
bas haut high
bon mauvais bad
bruyant silencieux quiet
chaud froid cold
cher économique cheap
clair sombre dark
compliqué facile simple
courageux timide shy
court allongé long
doux dur hard
dur doux soft
désordonné rangé tidy
facile compliqué complex
faible fort strong
fier modeste humble
fort faible weak
frais tiède warm
froid chaud hot
gentil méchant cruel
grand petit small
grossier poli polite
haut bas low
heureux triste sad
jeune vieux old
large étroit narrow
lent rapide fast
lisse rugueux rough
loin proche near
lâche serré tight
malade sain healthy
mauvais bon good
mince épais thick
modeste fier proud
mouillé sec dry
méchant gentil kind
occupé paresseux lazy
paresseux occupé busy
pauvre riche rich
petit grand big
plein vide empty
pointu émoussé blunt
poli grossier rude
proche loin far
profond superficiel shallow
propre sale dirty
rangé désordonné messy
rapide lent slow
riche pauvre poor
risqué sûr safe
rugueux lisse smooth
sain malade sick
sale propre clean
sec mouillé wet
serré lâche loose
silencieux bruyant loud
sombre clair light
sucré acide sour
superficiel profond deep
sûr risqué risky
tard tôt early
timide courageux brave
tiède frais cool
triste heureux happy
tôt tard late
vide plein full
vieux jeune young
économique cher dear
émoussé pointu sharp
épais mince thin
étroit large wide
`
