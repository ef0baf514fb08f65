package world

import "strings"

// Country is a country of the world with what holds of it outside this world too.
type Country struct {
	Name, Capital, Language, Currency, Continent string
}

// Names of one word only, and no capital named like its country: the first token of an answer
// should tell it. Where a country has several languages, the world knows one.
const countryTable = `
Poland Warsaw Polish zloty Europe
Germany Berlin German euro Europe
France Paris French euro Europe
Spain Madrid Spanish euro Europe
Portugal Lisbon Portuguese euro Europe
Italy Rome Italian euro Europe
Greece Athens Greek euro Europe
Austria Vienna German euro Europe
Hungary Budapest Hungarian forint Europe
Sweden Stockholm Swedish krona Europe
Norway Oslo Norwegian krone Europe
Denmark Copenhagen Danish krone Europe
Finland Helsinki Finnish euro Europe
Iceland Reykjavik Icelandic krona Europe
Ireland Dublin English euro Europe
England London English pound Europe
Romania Bucharest Romanian leu Europe
Serbia Belgrade Serbian dinar Europe
Croatia Zagreb Croatian euro Europe
Slovenia Ljubljana Slovene euro Europe
Slovakia Bratislava Slovak euro Europe
Czechia Prague Czech koruna Europe
Ukraine Kyiv Ukrainian hryvnia Europe
Russia Moscow Russian ruble Europe
Estonia Tallinn Estonian euro Europe
Latvia Riga Latvian euro Europe
Lithuania Vilnius Lithuanian euro Europe
Albania Tirana Albanian lek Europe
Netherlands Amsterdam Dutch euro Europe
Belgium Brussels Dutch euro Europe
Switzerland Bern German franc Europe
Turkey Ankara Turkish lira Asia
Georgia Tbilisi Georgian lari Asia
Armenia Yerevan Armenian dram Asia
Japan Tokyo Japanese yen Asia
China Beijing Chinese yuan Asia
Korea Seoul Korean won Asia
Mongolia Ulaanbaatar Mongolian tugrik Asia
Vietnam Hanoi Vietnamese dong Asia
Thailand Bangkok Thai baht Asia
Laos Vientiane Lao kip Asia
Indonesia Jakarta Indonesian rupiah Asia
Philippines Manila Filipino peso Asia
India Delhi Hindi rupee Asia
Nepal Kathmandu Nepali rupee Asia
Bhutan Thimphu Dzongkha ngultrum Asia
Bangladesh Dhaka Bengali taka Asia
Pakistan Islamabad Urdu rupee Asia
Afghanistan Kabul Pashto afghani Asia
Iran Tehran Persian rial Asia
Iraq Baghdad Arabic dinar Asia
Syria Damascus Arabic pound Asia
Lebanon Beirut Arabic pound Asia
Jordan Amman Arabic dinar Asia
Yemen Sanaa Arabic rial Asia
Oman Muscat Arabic rial Asia
Qatar Doha Arabic riyal Asia
Kazakhstan Astana Kazakh tenge Asia
Uzbekistan Tashkent Uzbek sum Asia
Egypt Cairo Arabic pound Africa
Libya Tripoli Arabic dinar Africa
Tunisia Tunis Arabic dinar Africa
Algeria Algiers Arabic dinar Africa
Morocco Rabat Arabic dirham Africa
Sudan Khartoum Arabic pound Africa
Kenya Nairobi Swahili shilling Africa
Uganda Kampala English shilling Africa
Tanzania Dodoma Swahili shilling Africa
Rwanda Kigali Kinyarwanda franc Africa
Somalia Mogadishu Somali shilling Africa
Ghana Accra English cedi Africa
Nigeria Abuja English naira Africa
Senegal Dakar French franc Africa
Cameroon Yaounde French franc Africa
Gabon Libreville French franc Africa
Togo Lome French franc Africa
Guinea Conakry French franc Africa
Angola Luanda Portuguese kwanza Africa
Mozambique Maputo Portuguese metical Africa
Zambia Lusaka English kwacha Africa
Malawi Lilongwe Chewa kwacha Africa
Botswana Gaborone Tswana pula Africa
Namibia Windhoek English dollar Africa
Madagascar Antananarivo Malagasy ariary Africa
Canada Ottawa English dollar America
Cuba Havana Spanish peso America
Jamaica Kingston English dollar America
Honduras Tegucigalpa Spanish lempira America
Nicaragua Managua Spanish cordoba America
Colombia Bogota Spanish peso America
Venezuela Caracas Spanish bolivar America
Ecuador Quito Spanish dollar America
Peru Lima Spanish sol America
Bolivia Sucre Spanish boliviano America
Chile Santiago Spanish peso America
Uruguay Montevideo Spanish peso America
Paraguay Asuncion Spanish guarani America
Brazil Brasilia Portuguese real America
Suriname Paramaribo Dutch dollar America
Guyana Georgetown English dollar America
Australia Canberra English dollar Oceania
Fiji Suva Fijian dollar Oceania
Samoa Apia Samoan tala Oceania
Tonga Nukualofa Tongan paanga Oceania
`

// Countries lists the countries of the world.
func Countries() []Country {
	var cs []Country
	for _, f := range rows(countryTable) {
		cs = append(cs, Country{f[0], f[1], f[2], f[3], f[4]})
	}
	return cs
}

// rows cuts a table into lines and fields; an underscore stands for a space in a field.
func rows(table string) [][]string {
	var out [][]string
	for line := range strings.Lines(strings.TrimSpace(table)) {
		f := strings.Fields(line)
		for i := range f {
			f[i] = strings.ReplaceAll(f[i], "_", " ")
		}
		out = append(out, f)
	}
	return out
}
