/* A file as bytes in the program: NAME and NAME_end, from FILE. */
    .section .rodata
    .balign 16
    .globl NAME
NAME:
    .incbin FILE
    .globl NAME_END
NAME_END:
    .byte 0
    .section .note.GNU-stack, "", %progbits
