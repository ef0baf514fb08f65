package text

// embed: a result as a figure in somebody else's page.
var embed = map[string]message{
	"under.embed":      {"Embed", "嵌入"},
	"embed.title":      {"{0} in Patchbay", "Patchbay：{0}"},
	"embed.help":       {"A figure for a blog post: it shows the picture at once, loads when it is scrolled to, and computes the result again in the reader's own tab when the reader asks for it.", "給部落格文章用的圖：立刻顯示這張圖，捲到時才載入，讀者按下執行後在讀者自己的分頁裡重新計算。"},
	"embed.controls":   {"What the reader may change", "讀者可以改的"},
	"embed.snippet":    {"HTML to paste", "要貼上的 HTML"},
	"embed.copy":       {"Copy HTML", "複製 HTML"},
	"said.nocopy.text": {"The clipboard is closed to this page. Select the text in the box and copy it.", "此頁面無法使用剪貼簿。請選取框裡的文字自行複製。"},
	"embed.making":     {"Storing the picture …", "正在存下圖片…"},
	"embed.shot":       {"The picture is in the address: {0}.", "圖片存在網址裡：{0}。"},
	"embed.noshot":     {"Without a stored picture: {0}", "沒有存下圖片：{0}"},
	"embed.large":      {"it has {0}, and an address takes at most {1}; choose a smaller picture", "它有 {0}，網址最多容納 {1}；請選小一點的圖"},
}
