package pattern

import (
	"math"
	"strings"
	"sync"
)

// A kind is what bytes have in common for pairs: one of 26 letters, a space, a digit, one of _ - . / = : or a quotation
// mark, or any other.
const kinds = 36

// pairs says how often a byte of one kind follows one of another in text, such as source code, manuals and settings: a
// means once in 16 bytes, each further letter half as often. It was counted in 30 MB of files of a Debian image and of
// the Go toolchain.
var pairs = [kinds]string{
	"hgffkifmgmieeemfleedhhiihjfiikimnkkg",
	"gljkfllnhhmgllhkmiikgmnmhniijmilplkh",
	"fjhkekkfgnffhldjngheglmliohihlilmkkh",
	"giigdiklfmjijkgilhhjhkljjoeigjhkiihf",
	"fieegfhkijkegdiggddejghfhmdifigiihfe",
	"glkjhhmmeoohkjfkngjigmmnipeiikhnjkkg",
	"ililejjigomhjggkmhgjhknommglhkijmkig",
	"fmlkdlmmgpmjjlglohjginnplngkiljmkljh",
	"ggffffflkokffdegkgeemhninhijhljmonkh",
	"kooogoppmpnpnojnppiolonpoomnnpnqsqol",
	"iljlflkmhookkjllolikjnkpnphlgminnlkh",
	"fijgegjjeklfkkfhokggfilmhnfkfkijlkjg",
	"ehkiejlmgnlihkgfmlgjhlmmjngjhljinljh",
	"fkfeegelgmihjhfinjedghlninehhjhjkigf",
	"igffjfhmhhhgfdgfodfffhgkkmflhljlnkkh",
	"fkiiekligoifkkfgmfhfgklmhohjgkjjlkjf",
	"nnonnpnnnpolnooonnmnfpopookmlqmpnomk",
	"ekghdigleniigfeinfffghjmgoeigjhlkjhf",
	"fjgidjjgfogfihffkiedgjjmhldigifhhggf",
	"ekhidikddnkhijegnefgfkihfmdhfigjjige",
	"ihhhfijngnmggfkgoeffmnokomijkllppplk",
	"fmljflmngpjljmhkmmlkmllnoojhjllmpnkj",
	"gmllhmmhgoolmjhmoiimknjoooiljmjoonlj",
	"ilhliklnionljllhnlkgnnnklphfilkmmlkh",
	"jlkkkllnjonjjihfmjhhllkonmflhjilljig",
	"jooohonokppnmoiopnoonpoonmlklqnpqqml",
	"dfeffeggdjhfffefjeedfgfhhjaefhjhfged",
	"hiiiiimmjmmklmllmmkllklfmmfdgihinhhe",
	"ghfghghiglihgghglgfghhjjmljigpmornli",
	"jkjkjjllknlkkkkjnkijllknplhhofoqmumi",
	"hjhiiiiiiklihjihnihijjjlmmghiphmqpif",
	"ikhiklikjlniiikhnkikklkmoogjnnnfmqkf",
	"lmlmnklnmopmmjolqlljmnopqqeklmpmhsgi",
	"mmlmmlmolpommmnkrlllmmnpoqejmooihigf",
	"hjhhiiiihmlihijimhghijklnmgkkkjknffd",
	"ghffggihgkjhhhggkgfghhihllbfgiheigfb",
}

// kindOf returns the kind of a folded byte.
func kindOf(b byte) int {
	switch {
	case 'a' <= b && b <= 'z':
		return int(b - 'a')
	case '0' <= b && b <= '9':
		return 27
	}
	switch b {
	case ' ':
		return 26
	case '_' | fold:
		return 28
	case '-':
		return 29
	case '.':
		return 30
	case '/':
		return 31
	case '=':
		return 32
	case ':':
		return 33
	case '"', '\'':
		return 34
	}
	return 35
}

// members are how many folded bytes are of each kind.
var members = func() (n [kinds]float64) {
	for b := range 256 {
		if b&fold != 0 {
			n[kindOf(byte(b))]++
		}
	}
	return n
}()

// follows is how often one folded byte follows another, by their kinds; single is how often one occurs.
var follows, single = func() (pair [kinds][kinds]float64, one [kinds]float64) {
	for i := range pair {
		for j := range pair[i] {
			pair[i][j] = math.Exp2(-4-float64(pairs[i][j]-'a')) / (members[i] * members[j])
			one[i] += pair[i][j] * members[j]
		}
	}
	return pair, one
}()

// words are grams of letters that occur far more often than their pairs tell, because common words have them: once in
// two to the power of a number of bytes. They were counted as pairs, and are those above once in 8,192.
var words = []struct {
	power int
	grams string
}{
	{9, `
alueatioconsctiodefiduleefinequeerroeturfilefinefunchareionsjectmodunamenctiodulonstoptiourcparaportptiorequrespretu
ringrrorselfsharsourstrithistiontrinturntypeuncturcevalu
`},
	{10, `
ableagesaramarraarseautobasebjecbytecaaccallcaticensceptchecchuncliecodecompconfcopycripdatadencdepeengtenseenssepen
equieratesouespoessaesulethoexpofielformfromheckhttphunkicenieldientightimpoinedinfoinuxlenglibclicelienlinulistloca
mbermentmessmethmporndefnfigngthniconodensslnterntexnullnumbobjeocalocatojeconfionseonteopenoperortsosslparspathpend
pensperlpertponsprojpropprotquesquirresorestresurighriptrojeroperotorraysagescriservsionsponssagstatsulttesttextthod
timetoretrueuestuireumbeundeunicverswithxpor
`},
	{11, `
acheackaaderalidalizallbalseametanceapplargsasseatchatedattratusaultbackbianboolbuffbutecachcalecatecertcesschanchar
chemcifickagclascloucommcouncreactorcumedatedebidefadeledescdingdistdocueaaeeadeeateebiaecifectiectsefaueinfeldselet
elseemenemplemptencyenerentsepareptiernaersiertyerveerviescresolessieteretteexceexprextefalsfaulfferflagfreeftwagaag
geneglibglobgnedgnutgooggrapgrouhanghapehashheadhemahookhoutiaaiibuticaticodidatifieigneilesimplinitionaiptiistritem
iterithoitiojsonkagelasslatelatilbacleanlectletelettlibslicylidalinellbaloadlobaloudlugimainmandmetemmanmpilmplample
mptyndexneinneranonenstantimntrynutlobalocumoftwogleograointoleaolicolveommaompionaloneiooglooleopyrormaountpackpare
passpecipectpeofperaplatplugpoinpolipresprogpublpyrirameramsraphratireadreatrectressriburmatrnalrouprserrsioructrunt
rvicschesclishapsignsizesoftsolvspecstalstanstarstemstrusyncsysttaintalltanctarttatitatutempterntersthoutivetribtruc
tterttpstwarubliuffeuginuintulesumenuntiurnsuserutilutlsutorvalivicevoidwareworkxcepypeoyrigystezone
`},
	{12, `
acceaccoactiadataddiaddraineaisealiaallealloamplanagandlappeappiaptparchargearguarshartiascrasswasynativauthavasazur
bconbcxxbilibinablicblocbodybpacbrarbscrbuilcaaacaseccesccoucegrcemaciescketclarcloscludcluscoluconnconvcrypctedcurr
datidebcdecldictdireditidpkgdpoidsdkeacheaseebcoebpaeclaecloectoedefediteferefleegexegroeleaemanemapembeenamenceenci
endpendsensienumeplaepreequaerfaeriaericermiertiestsetadetriettletwoevaleveneverexamexisexpeeywofacefailfataferefica
fiedfierfigufiniflecfoungexpgfieginagithglecgramgumehandhelphifthinghosthrowhtmlialiibcxibraibseicesificiginigurilat
ilerilitimitinalinarinclingfingsinpuioniireciredissiithuiverizatizerjavakaakkeywlacelagslangleaslecllemelessliaslibr
licalimilinklitylizelledllowllvmlocklongloseloweludelueslumnmaammanamappmarsmatcmbolmerimetaminimissmitemmenmmonmode
modimplimprenagenarynciencluncodndifnditndlendponectnettnetwnextngfiningnitinkgrnnecnormnotinputnsignstrntainvaloces
ocspodifodinoimpokenolumomisomitommeommoompaomplompronlyonneordeorigorteoticotoiotototypoudsouldoundoupnoutpoverovid
owerpacepagepartpdatpermpilapilepingpkcsplacplicpnamppenppinpplipporprepprinprocpromprovptpkpushqualquerractraisrang
ransraryratorcegrcemrcesrchireamrefereflregeregiremorencrepareplreporfacrgetrgumrialricarictrigiriterityrmalrocerogr
romirootrorfrorsrovirranrshartedrtierulerverryptscopsertshalshifsingspacspanssetssiosswdstacsubssuppsymbtabltacktada
targtchetemdterftermthrothubtialtilstoimtoketorytotytpkgtputtractrantreatricttlettritworubscudsdueryuildunkgunksunsi
updaupnauppousedutpuvascventvidewantwarrwebpwhenwillwordwritxampxistxpecxprextenxterymboypedypesytesyworzatizure
`},
}

// common is how often the grams of words begin at a byte of text.
var common = sync.OnceValue(func() map[uint32]float64 {
	table := map[uint32]float64{}
	for _, w := range words {
		for grams := strings.ReplaceAll(w.grams, "\n", ""); grams != ""; grams = grams[gramSize:] {
			table[gramOf(grams)] = math.Exp2(-float64(w.power))
		}
	}
	return table
})

// cost estimates how often one of the grams begins at a byte of text.
func cost(grams []uint32) (sum float64) {
	often := common()
	for _, g := range grams {
		if g>>8 == g&0xffffff { // each place in a line of such bytes begins one
			sum += often[gramOf("tion")]
			continue
		}
		a, b, c, d := kindOf(byte(g)), kindOf(byte(g>>8)), kindOf(byte(g>>16)), kindOf(byte(g>>24))
		sum += max(often[g], follows[a][b]*follows[b][c]*follows[c][d]/(single[b]*single[c]))
	}
	return sum
}
