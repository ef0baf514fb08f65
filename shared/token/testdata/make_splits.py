"""Golden for the splitters: what the Python package tokenizers (0.23.3) makes of many strings.

usage: python make_splits.py > splits.json      (pip install tokenizers)

Random strings mix characters of every class that the splitters tell apart. The package's regular expressions know a newer
Unicode than Go does, so that characters assigned after Unicode 15 are left out; so are surrogates.
"""
import json
import random

from tokenizers import Regex, pre_tokenizers as pre

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def split(pattern):
    return pre.Split(Regex(pattern), "isolated")


SPLITTERS = {
    "gpt-2": split(GPT2),
    "smollm": pre.Sequence([pre.Digits(individual_digits=True), split(GPT2)]),
    "llama-bpe": split(LLAMA3),
    "qwen2": split(QWEN2),
}

FIXED = [
    "It's I'M we'Re they'VE he'lL d'D 'S 's ''s '", "x'\u017fat 'T't", "'rex 'VEx 'llx 'dx", "don'ting o'clock",
    "  two  spaces   three ", "tabs\t\tand\tone", "line\n\n\nends\r\n\r\nhere \n x", "   \n  \n x", " \r \n\t y",
    "trailing   ", "trailing\n", "trailing \n ", " ", "  ", "\n", "\n\n", "\t", " \n", "\n ", " a", " 1", " !", "!a", "!1",
    "1234567890 12 123 1234", "3.14159,2,71", "a1b22c333d4444", "  12  34", "12\n34", "x 1", "x  1", "\u0661\u0662\u0663\u0664 \u2167 \u00bd\u00b2\u00b3 \u3007\u5341",
    "caf\u00e9 cafe\u0301 na\u00efve", "\u4f60\u597d\uff0c\u4e16\u754c\u3002\u518d\u898b\uff01", "\u3053\u3093\u306b\u3061\u306f\u3001\u4e16\u754c", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e", "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645\u064e", "\u05e9\u05c1\u05dc\u05d5\u05dd",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f600\U0001f600a", "\U0001f1f5\U0001f1f1", "a\u200bb\u200dc\ufeffd\u00ade", "\u00a0a \u00a0 b\u3000\u3000c\u2003d", "\u2028a\u2029b\u0085c\u000bd\u000ce\u001cf\u001fg",
    "\u180ea\u2060b", "$100 \u20ac5 \u00a37.50 #1 @x __init__ --a ==b", "func(x){return x+1;}\n\tif (a)\n\t\tb();\n", "!!!\n\n???\r\n...", " !!!\n x", "...a ...\n", "\U00010400\U0001d400\U0001d7d8\U00020000", "\u1680x\u2000y\u200a\u202fz\u205f", "\u0000a\u0001\u007f", "\uffff\ufffd \U0010ffff",
]

PARTS = [
    *"abzSTDMrvel", "'", "'", "'s", "'LL", "\u017f", " ", " ", " ", "  ", "\n", "\r", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\u0085", "\u000b", *"0159", "\u0663", "\u2167", "\u00b2", "\u00bd", ".", "!", "-", "_", "$", "\u20ac", "\u0301", "\u094d", "\u200d", "\ufeff", "\u00e9", "\u03a9", "\u0436", "\u4e2d", "\u3042", "\ud55c", "\U0001f600", "\U00010400", "\u0000", "\u001c", "\u02bc", "\u00aa", "\u01c5",
]

rng = random.Random(3)
texts = FIXED + ["".join(rng.choice(PARTS) for _ in range(rng.randint(1, 24))) for _ in range(400)]

if __name__ == "__main__":
    # Lengths in bytes of the words: shorter than the words, and they say the same.
    print(json.dumps({
        "texts": texts,
        "lengths": {
            name: [[len(w.encode()) for w, _ in s.pre_tokenize_str(t)] for t in texts] for name, s in SPLITTERS.items()
        },
    }, separators=(",", ":")).replace(',"lengths"', ',\n"lengths"').replace('],"', '],\n"'))
