/* SPDX-License-Identifier: MIT */
/*
 * One ELF file, through libelf, and the cache of them.
 *
 * Nothing is mapped: whoever owns the file may shorten it at any time. The header is checked before
 * libelf sees the file, since libelf makes room for as many sections as the header claims.
 */
#include "symbols/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- before libelf ---- */

static bool read_raw(const struct symfile *file, uint64_t offset, void *buf, size_t len)
{
	if (offset > file->id.size || file->id.size - offset < len)
		return false;
	if (file->mem) {
		memcpy(buf, (const char *)file->mem + offset, len);
		return true;
	}
	return pread(file->fd, buf, len, (off_t)offset) == (ssize_t)len;
}

/* More than 65,279 sections are counted in the size of section 0. */
static bool sections_sane64(const struct symfile *file, const Elf64_Ehdr *ehdr)
{
	Elf64_Shdr first;

	if (!ehdr->e_shoff || ehdr->e_shnum)
		return true;
	return read_raw(file, ehdr->e_shoff, &first, sizeof(first)) &&
	       first.sh_size <= SYM_MAX_SECTIONS;
}

static bool sections_sane32(const struct symfile *file, const Elf32_Ehdr *ehdr)
{
	Elf32_Shdr first;

	if (!ehdr->e_shoff || ehdr->e_shnum)
		return true;
	return read_raw(file, ehdr->e_shoff, &first, sizeof(first)) &&
	       first.sh_size <= SYM_MAX_SECTIONS;
}

static const char *check_header(const struct symfile *file)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} header = { 0 };
	size_t len = sizeof(header.e64);

	if (file->id.size < sizeof(header.e32))
		return "too short for an ELF file";
	if (file->id.size < len)
		len = sizeof(header.e32);
	if (!read_raw(file, 0, &header, len))
		return "can't be read";
	if (memcmp(header.ident, ELFMAG, SELFMAG) != 0)
		return "no ELF file";
	if (header.ident[EI_DATA] != ELFDATA2LSB)
		return "not of this byte order";
	if (header.ident[EI_CLASS] == ELFCLASS64 && len == sizeof(header.e64))
		return sections_sane64(file, &header.e64) ? NULL : "too many sections";
	if (header.ident[EI_CLASS] == ELFCLASS32)
		return sections_sane32(file, &header.e32) ? NULL : "too many sections";
	return "neither 32-bit nor 64-bit";
}

/* ---- segments ---- */

static bool segment_sane(const GElf_Phdr *phdr)
{
	return phdr->p_filesz <= phdr->p_memsz && phdr->p_memsz &&
	       phdr->p_vaddr <= UINT64_MAX - phdr->p_memsz &&
	       phdr->p_offset <= UINT64_MAX - phdr->p_filesz &&
	       !((phdr->p_vaddr - phdr->p_offset) % SYM_PAGE);
}

static const char *read_segments(struct symfile *file)
{
	size_t count;

	if (elf_getphdrnum(file->elf, &count))
		return "broken program headers";
	if (count > SYM_MAX_PHDRS)
		return "too many program headers";
	file->loads = calloc(count ? count : 1, sizeof(*file->loads));
	if (!file->loads)
		return "no memory";
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr phdr;

		if (!gelf_getphdr(file->elf, (int)i, &phdr))
			return "broken program headers";
		if (phdr.p_type == PT_LOAD && segment_sane(&phdr))
			file->loads[file->nloads++] = phdr;
		file->has_interp |= phdr.p_type == PT_INTERP;
		if (phdr.p_type == PT_DYNAMIC && !file->has_dynamic) {
			file->has_dynamic = true;
			file->dynamic = phdr;
		}
	}
	return NULL;
}

bool symfile_offset(const struct symfile *file, uint64_t value, uint64_t size, uint64_t *offset)
{
	for (size_t i = 0; i < file->nloads; i++) {
		const GElf_Phdr *load = &file->loads[i];
		uint64_t into = value - load->p_vaddr;

		if (value >= load->p_vaddr && into <= load->p_filesz &&
		    size <= load->p_filesz - into) {
			*offset = load->p_offset + into;
			return true;
		}
	}
	return false;
}

bool symfile_is_code(const struct symfile *file, uint64_t value)
{
	for (size_t i = 0; i < file->nloads; i++) {
		if ((file->loads[i].p_flags & PF_X) && value >= file->loads[i].p_vaddr &&
		    value - file->loads[i].p_vaddr < file->loads[i].p_memsz)
			return true;
	}
	return false;
}

/* ---- build-id ---- */

static void find_build_id(struct symfile *file, Elf_Data *data)
{
	size_t offset = 0, name, desc;
	GElf_Nhdr note;

	while (offset < data->d_size &&
	       (offset = gelf_getnote(data, offset, &note, &name, &desc)) > 0) {
		const char *bytes = data->d_buf;

		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
		    memcmp(bytes + name, "GNU", 4) != 0 || !note.n_descsz ||
		    note.n_descsz > sizeof(file->build_id))
			continue;
		memcpy(file->build_id, bytes + desc, note.n_descsz);
		file->build_id_len = note.n_descsz;
		return;
	}
}

static void read_build_id(struct symfile *file)
{
	size_t count;

	if (elf_getphdrnum(file->elf, &count))
		return;
	for (size_t i = 0; i < count && !file->build_id_len; i++) {
		GElf_Phdr phdr;
		Elf_Data *data;

		if (!gelf_getphdr(file->elf, (int)i, &phdr) || phdr.p_type != PT_NOTE ||
		    phdr.p_filesz > 65536 || phdr.p_offset > INT64_MAX)
			continue;
		data = elf_getdata_rawchunk(file->elf, (int64_t)phdr.p_offset, phdr.p_filesz,
					    phdr.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
		if (data && data->d_buf)
			find_build_id(file, data);
	}
}

/* A debug file has its notes in sections only. */
static void read_build_id_sections(struct symfile *file)
{
	GElf_Shdr shdr;
	Elf_Scn *scn = symfile_section(file, ".note.gnu.build-id", 65536, &shdr);
	Elf_Data *data = scn ? symfile_data(file, scn) : NULL;

	if (data)
		find_build_id(file, data);
}

/* ---- sections ---- */

Elf_Data *symfile_data(const struct symfile *file, Elf_Scn *scn)
{
	Elf_Data *data;
	GElf_Shdr shdr;

	if (!gelf_getshdr(scn, &shdr) || shdr.sh_type == SHT_NOBITS || !shdr.sh_size ||
	    (shdr.sh_flags & SHF_COMPRESSED) || shdr.sh_size > SYM_MAX_SECTION ||
	    shdr.sh_size > file->id.size)
		return NULL;
	data = elf_getdata(scn, NULL);
	return data && data->d_buf && data->d_size ? data : NULL;
}

Elf_Scn *symfile_section(struct symfile *file, const char *name, uint64_t limit, GElf_Shdr *shdr)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(file->elf, &names))
		return NULL;
	while ((scn = elf_nextscn(file->elf, scn))) {
		const char *found;

		if (!gelf_getshdr(scn, shdr))
			return NULL;
		found = elf_strptr(file->elf, names, shdr->sh_name);
		if (found && !strcmp(found, name))
			return shdr->sh_size <= limit && shdr->sh_type != SHT_NOBITS ? scn : NULL;
	}
	return NULL;
}

bool symfile_is_plt(struct symfile *file, uint64_t value)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	size_t names;

	if (elf_getshdrstrndx(file->elf, &names))
		return false;
	while ((scn = elf_nextscn(file->elf, scn))) {
		const char *name;

		if (!gelf_getshdr(scn, &shdr))
			return false;
		if (value < shdr.sh_addr || value - shdr.sh_addr >= shdr.sh_size ||
		    !(shdr.sh_flags & SHF_EXECINSTR))
			continue;
		name = elf_strptr(file->elf, names, shdr.sh_name);
		return name && (!strncmp(name, ".plt", 4) || !strcmp(name, ".iplt"));
	}
	return false;
}

/* ---- tables by section ---- */

static void fill_table(struct symfile *file, struct symtab *table, Elf_Scn *scn,
		       const GElf_Shdr *shdr)
{
	Elf_Scn *strings = elf_getscn(file->elf, shdr->sh_link);
	Elf_Data *syms = symfile_data(file, scn), *names = NULL;
	const char *bytes;
	size_t size;

	if (strings && strings != scn)
		names = symfile_data(file, strings);
	if (!syms || !names || syms->d_type != ELF_T_SYM)
		return;
	/* What is behind the last NUL is no name. */
	bytes = names->d_buf;
	for (size = names->d_size; size && bytes[size - 1]; size--)
		;
	table->strings = bytes;
	table->strings_size = size;
	table->count = syms->d_size / gelf_fsize(file->elf, ELF_T_SYM, 1, EV_CURRENT);
	if (table->count > SYM_MAX_SYMBOLS)
		table->count = SYM_MAX_SYMBOLS;
	table->is_64bit = file->elfclass == ELFCLASS64;
	table->syms = syms;
}

static void fill_helper(struct symfile *file, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	Elf_Data *data = symfile_data(file, scn);

	if (!data)
		return;
	if (shdr->sh_type == SHT_GNU_HASH) {
		file->dynsym.gnu_hash = data->d_buf;
		file->dynsym.gnu_hash_size = data->d_size;
	} else if (shdr->sh_type == SHT_GNU_versym && data->d_type == ELF_T_HALF) {
		file->dynsym.versym = data;
	} else if (shdr->sh_type == SHT_GNU_verdef && data->d_type == ELF_T_VDEF) {
		file->dynsym.verdef = data;
		file->dynsym.verdef_count = shdr->sh_info < 65536 ? shdr->sh_info : 65536;
	}
}

static void read_tables(struct symfile *file)
{
	Elf_Scn *scn = NULL;

	file->tables_read = true;
	while ((scn = elf_nextscn(file->elf, scn))) {
		GElf_Shdr shdr;

		if (!gelf_getshdr(scn, &shdr))
			break;
		switch (shdr.sh_type) {
		case SHT_DYNSYM:
			if (!file->dynsym.syms)
				fill_table(file, &file->dynsym, scn, &shdr);
			break;
		case SHT_SYMTAB:
			if (!file->symtab_scn)
				file->symtab_scn = scn;
			break;
		case SHT_GNU_HASH:
		case SHT_GNU_versym:
		case SHT_GNU_verdef:
			fill_helper(file, scn, &shdr);
			break;
		}
	}
	if (!file->dynsym.syms) {
		symtab_clear(&file->dynsym);
		symdyn_read_table(file);
	}
}

struct symtab *symfile_dynsym(struct symfile *file)
{
	if (!file->tables_read)
		read_tables(file);
	return file->dynsym.syms ? &file->dynsym : NULL;
}

/* The big one, with its strings: left alone until somebody asks for what is not exported. */
struct symtab *symfile_symtab(struct symfile *file)
{
	GElf_Shdr shdr;

	if (!file->tables_read)
		read_tables(file);
	if (file->symtab_scn && gelf_getshdr(file->symtab_scn, &shdr))
		fill_table(file, &file->symtab, file->symtab_scn, &shdr);
	file->symtab_scn = NULL;
	return file->symtab.syms ? &file->symtab : NULL;
}

/* ---- opening and closing ---- */

static const char *read_file(struct symfile *file)
{
	const char *problem = check_header(file);
	GElf_Ehdr ehdr;

	if (problem)
		return problem;
	file->elf = file->mem ? elf_memory(file->mem, file->id.size) :
				elf_begin(file->fd, ELF_C_READ, NULL);
	if (!file->elf || elf_kind(file->elf) != ELF_K_ELF || !gelf_getehdr(file->elf, &ehdr))
		return "a broken ELF file";
	file->elfclass = gelf_getclass(file->elf);
	file->type = ehdr.e_type;
	file->machine = ehdr.e_machine;
	if (file->machine != EM_X86_64 && file->machine != EM_386)
		return "not for x86";
	if (file->type != ET_EXEC && file->type != ET_DYN)
		return "neither a program nor a library";
	problem = read_segments(file);
	if (problem)
		return problem;
	read_build_id(file);
	if (!file->build_id_len)
		read_build_id_sections(file);
	return NULL;
}

static bool same_id(const struct symfile_id *a, const struct symfile_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec &&
	       a->ctime.tv_sec == b->ctime.tv_sec && a->ctime.tv_nsec == b->ctime.tv_nsec;
}

static int finish(struct symfile *file, struct symfile **out, struct symbols_error *error)
{
	const char *problem = read_file(file);

	if (problem) {
		symfile_free(NULL, file);
		return symerr(error, -ENOEXEC, "%s", problem);
	}
	file->refs = 1;
	*out = file;
	return 0;
}

int symfile_from_fd(struct symbols *symbols, int fd, struct symfile **out,
		    struct symbols_error *error)
{
	struct symfile *file;
	struct symfile_id id;
	struct stat st;
	int rc;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return symerr(error, -ENOEXEC, "no regular file");
	}
	id = (struct symfile_id){ st.st_dev, st.st_ino, (uint64_t)st.st_size, st.st_mtim,
				  st.st_ctim };
	for (file = symbols->files; file; file = file->next) {
		if (same_id(&file->id, &id)) {
			close(fd);
			file->refs++;
			file->last_use = symbols->images;
			*out = file;
			return 0;
		}
	}
	file = calloc(1, sizeof(*file));
	if (!file) {
		close(fd);
		return symerr(error, -ENOMEM, "no memory");
	}
	file->fd = fd;
	file->id = id;
	rc = finish(file, out, error);
	if (rc)
		return rc;
	file->last_use = symbols->images;
	file->next = symbols->files;
	symbols->files = file;
	return 0;
}

int symfile_from_memory(void *mem, size_t size, struct symfile **out, struct symbols_error *error)
{
	struct symfile *file = calloc(1, sizeof(*file));

	if (!file) {
		free(mem);
		return symerr(error, -ENOMEM, "no memory");
	}
	file->fd = -1;
	file->mem = mem;
	file->id.size = size;
	return finish(file, out, error);
}

void symfile_free(struct symbols *symbols, struct symfile *file)
{
	if (file->debug)
		symfile_unref(symbols, file->debug);
	if (file->alt)
		symfile_unref(symbols, file->alt);
	if (file->mini)
		symfile_free(symbols, file->mini);
	if (file->dwarf)
		dwarf_end(file->dwarf);
	if (file->dwarf_alt)
		dwarf_end(file->dwarf_alt);
	symindex_free(file->index);
	symtab_clear(&file->dynsym);
	symtab_clear(&file->symtab);
	if (file->elf)
		elf_end(file->elf);
	if (file->fd >= 0)
		close(file->fd);
	free(file->loads);
	free(file->mem);
	free(file);
}

/* Files with an identity stay in the cache until symbols_trim. */
void symfile_unref(struct symbols *symbols, struct symfile *file)
{
	file->refs--;
	if (!file->refs && file->fd < 0)
		symfile_free(symbols, file);
}
