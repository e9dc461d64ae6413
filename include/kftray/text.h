#ifndef KFTRAY_TEXT_H
#define KFTRAY_TEXT_H

/* Of @words (NULL ended) the one that @text was most likely meant to be, when it was mistyped; NULL
 * if none is close. (transfer none). Thread: any. */
const char *kft_text_closest(const char *text, const char *const *words);

#endif
