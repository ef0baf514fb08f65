package text

// params: names and one-sentence helps of the experiments' parameters. One without an entry
// shows the registry's English words.
var params = map[string]message{
	"param.chat":        {"Chat", "對話格式"},
	"param.positions":   {"Positions", "位置"},
	"param.topk":        {"Guesses per cell", "每格猜測數"},
	"param.follow":      {"Follow the token", "追蹤的 token"},
	"param.count":       {"New tokens", "新 token 數"},
	"param.temperature": {"Temperature", "溫度"},
	"param.top_k":       {"Top-k", "Top-k"},
	"param.top_p":       {"Top-p", "Top-p"},
	"param.seed":        {"Seed", "隨機種子"},
	"param.stop_at_eos": {"Stop at the end", "遇結束符號即停"},
	"param.same":        {"the same model", "同一個模型"},
	"param.range":       {"A number from {0} to {1}.", "請填 {0} 到 {1} 之間的數字。"},
	"param.number":      {"This cannot be read as a number.", "無法讀成數字。"},

	"help.chat":        {"Wrap the prompt in the model's chat template.", "用模型的對話格式包住提示詞。"},
	"help.positions":   {"Read every position, or only the last, which is quicker.", "讀取所有位置，或只讀最後一個（較快）。"},
	"help.topk":        {"How many of the likeliest tokens each cell keeps.", "每格保留幾個最可能的 token。"},
	"help.follow":      {"A token as it stands in the text, most often with a space before it. Empty: the model's own answer.", "照文字中的樣子填寫，前面多半有一個空格。留空：模型自己的答案。"},
	"help.count":       {"At most this many.", "最多這麼多個。"},
	"help.temperature": {"0 always takes the likeliest token; higher is bolder.", "0 永遠取最可能的 token；越高越大膽。"},
	"help.top_k":       {"Pick among the k likeliest; 0 is no limit.", "只從最可能的 k 個中挑；0 表示不限。"},
	"help.top_p":       {"Pick among the likeliest that together reach p; 1 is no limit.", "只從機率合計達到 p 的前幾名中挑；1 表示不限。"},
	"help.seed":        {"The same seed gives the same text.", "相同的種子會得到相同的文字。"},
	"help.stop_at_eos": {"Stop where the model ends its text.", "模型結束文字時就停止。"},

	"choice.all":  {"all", "全部"},
	"choice.last": {"last", "最後"},
}
