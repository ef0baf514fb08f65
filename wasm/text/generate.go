package text

// generate: the page of text generation.
var generate = map[string]message{
	"idea.generate": {"The model writes one token at a time: it gives every token a probability, one is picked, and the text with it is read again. Turn the dials of the picking. Or reach inside with an edit, and see what the same prompt becomes.",
		"模型一次寫一個 token：先給每個 token 一個機率，挑出一個，再把加上它的文字重新讀一遍。調整挑選的方式，或用「編輯」伸手進模型內部，看看同樣的提示詞會變成什麼。"},
	"unit.generate":    {"probability of each token before sampling", "每個 token 取樣前的機率"},
	"generate.step":    {"{0} · probability {1} · leads by {2} logits", "{0} · 機率 {1} · 領先 {2} logit"},
	"generate.stopped": {"stopped after {0} tokens", "在 {0} 個 token 後停止"},
	"generate.eos":     {"{0} tokens, then the model ended the text", "{0} 個 token，之後模型自行結束"},
	"generate.count":   {"{0} tokens", "{0} 個 token"},

	"edits.help":      {"An edit changes a signal inside the model while it reads and writes.", "「編輯」會在模型讀寫時，改變它內部的訊號。"},
	"edits.op":        {"What", "做什麼"},
	"edits.site":      {"Where", "位置"},
	"edits.layers":    {"Layers", "層"},
	"edits.positions": {"Positions", "token 位置"},
	"edits.strength":  {"Strength", "強度"},
	"edits.add":       {"Add the edit", "加入編輯"},
	"edits.drop":      {"Remove the edit {0}", "移除編輯 {0}"},
	"edits.wrong":     {"The marked box cannot be read. Layers and positions are numbers, ranges like 3-5, or “all”.", "標示的欄位無法讀取。層與位置請填數字、像 3-5 的範圍，或「all」。"},
	"edits.json":      {"As JSON", "以 JSON 編寫"},
	"edits.badjson":   {"This is not a JSON list of edits. The last good list stays in force.", "這不是 JSON 格式的編輯清單。先前正確的清單仍然有效。"},
	"op.zero":         {"set to zero", "設為零"},
	"op.scale":        {"multiply by the strength", "乘以強度"},
	"op.add":          {"add the strength to each number", "每個數字加上強度"},

	"try.world":  {"a story of its world", "它世界裡的故事"},
	"try.facts":  {"a fact of its world", "它世界裡的事實"},
	"try.story":  {"a story", "故事"},
	"try.chat":   {"a question", "提問"},
	"try.silent": {"the first MLP silenced", "關掉第一層 MLP"},

	"fails.generate": {"A model of 135 million weights writes fluent sentences and false ones: check what it says. A probability is of this token after this text, not of a fact. An edit far outside what a layer usually carries breaks the model rather than showing a part of it.",
		"一億三千五百萬個權重的模型能寫出流暢的句子，也會寫出錯的：請查證它說的話。機率是「這段文字之後接這個 token」的機率，不是事實的機率。編輯若遠超出該層平常的範圍，只會弄壞模型，看不出它的零件。"},
	"source.generate": {"Holtzman et al., “The Curious Case of Neural Text Degeneration” (2020), for top-p.", "top-p 出自 Holtzman 等人，〈The Curious Case of Neural Text Degeneration〉（2020）。"},
}
