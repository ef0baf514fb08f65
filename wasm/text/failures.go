package text

// failures: what an error's kind means and what to do about it. The engine's own words, which
// name the limit and the number, are shown below these.
var failures = map[string]message{
	"err.other":       {"Something went wrong", "出了點問題"},
	"err.invalid":     {"This cannot be run as it is", "無法照這樣執行"},
	"err.notfound":    {"Not found", "找不到"},
	"err.toolarge":    {"Too large", "太大了"},
	"err.unsupported": {"Not possible here", "這裡無法執行"},
	"err.corrupt":     {"The file is damaged", "檔案已損毀"},
	"err.cancelled":   {"Stopped", "已停止"},
	"err.busy":        {"Busy", "忙碌中"},
	"err.denied":      {"Not allowed", "不允許"},
	"err.gone":        {"The connection is gone", "連線中斷"},
	"err.nospace":     {"No room left", "空間不足"},

	"do.other":       {"Your prompt and settings are kept. Try again; if it fails again, reload the page: it comes back as it was.", "你的提示詞與設定都還在。請再試一次；若仍失敗，重新整理頁面即可恢復原狀。"},
	"do.invalid":     {"Change what is named below and run again.", "請修改下面指出的地方，再執行一次。"},
	"do.notfound":    {"Choose another of those that are there.", "請改選清單中有的項目。"},
	"do.toolarge":    {"Make the prompt or the number named below smaller.", "請縮短提示詞，或調小下面指出的數字。"},
	"do.unsupported": {"Another model or the other place may be able to do it.", "換個模型，或改到另一處執行，也許可以。"},
	"do.corrupt":     {"Delete the model from the list and download it again.", "請從清單刪除這個模型，再重新下載。"},
	"do.cancelled":   {"Nothing was lost. Run again when you like.", "沒有遺失任何東西。隨時可以再執行。"},
	"do.busy":        {"Wait a moment and try again.", "請稍候再試。"},
	"do.denied":      {"Open the address that the sidecar printed when it started: it carries the key.", "請開啟伴隨程式啟動時印出的網址：網址裡帶有金鑰。"},
	"do.gone":        {"See whether the sidecar still runs, then try again. Your prompt and settings are kept.", "請確認伴隨程式是否還在執行，然後再試。你的提示詞與設定都還在。"},
	"err.gone.tab":   {"The engine in this tab stopped", "本分頁的引擎已停止"},
	"do.gone.tab":    {"Try again; if it stops again, reload the page. Your prompt and settings are kept.", "請再試一次；若又停止，請重新整理頁面。你的提示詞與設定都還在。"},
	"do.nospace":     {"Delete a model you do not need, or close other tabs, then try again.", "請刪除用不到的模型，或關閉其他分頁，再試一次。"},
}
